// Headless Chromium.
import { chromium } from "playwright-core";
import { DEADLINE } from "./seen.mjs";

/** A browser that talks to nobody by itself. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page of its own (another person's window), that fails the test with any error in it. */
export async function page(t, browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(DEADLINE);
  const opened = await context.newPage();
  const errors = [];
  opened.on("pageerror", (error) => errors.push(String(error.stack)));
  opened.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  t.after(async () => {
    await context.close();
    if (errors.length > 0) throw new Error(`errors in the page:\n${errors.join("\n")}`);
  });
  return opened;
}
