// The API's reference at /docs, as a person uses it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { launch, page } from "../support/browser.mjs";
import { url } from "../support/people.mjs";

const target = fileURLToPath(new URL("../../../target/", import.meta.url));
const DESKTOP = { viewport: { width: 1360, height: 860 } };
const PHONE = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

let browser;

before(async () => {
  await mkdir(target, { recursive: true });
  browser = await launch();
});

after(() => browser?.close());

/** The page, when it has read the description. Whatever it asks others for fails the test. */
async function open(t, options = DESKTOP) {
  const opened = await page(t, browser, options);
  const asked = [];
  opened.on("request", (request) => asked.push(request.url()));
  await opened.goto(`${url}/docs`);
  const menu = opened.getByRole("navigation", { name: "Functions" });
  await menu.getByRole("link").first().waitFor();
  t.after(() => {
    const elsewhere = asked.filter((address) => !address.startsWith(`${url}/`));
    assert.deepEqual(elsewhere, []);
  });
  return { opened, menu, main: opened.getByRole("main"), search: opened.getByRole("searchbox") };
}

async function description() {
  return (await fetch(`${url}/openapi.json`)).json();
}

test("all operations are listed by module", async (t) => {
  const { menu } = await open(t);
  const api = await description();
  const operations = Object.values(api.paths).flatMap(Object.values);
  assert.ok(operations.length > 100);
  assert.equal(await menu.getByRole("link").count(), operations.length);
  const headings = await menu.getByRole("heading").allTextContents();
  assert.deepEqual(
    headings,
    api.tags.map(({ name }) => name),
  );
});

test("a function is found and says what it takes, gives and asks of callers", async (t) => {
  const { opened, menu, main, search } = await open(t);
  await search.fill("messages send");
  const found = menu.getByRole("link", { name: "send mutation" });
  await found.click();
  await main.getByRole("heading", { name: "messages:send" }).waitFor();
  await main.getByText("conversations.reply").waitFor();
  await main.getByText("POST /api/run/messages/send").waitFor();
  await main.getByText("senderType", { exact: true }).waitFor();
  await main.getByText("NOT_AUTHENTICATED").waitFor();
  await search.fill("");
  await opened.screenshot({ path: `${target}docs.png`, animations: "disabled" });
  await opened.goBack();
  await main.getByRole("heading", { name: "Opencom server" }).waitFor();
});

test("a search without a match says so", async (t) => {
  const { menu, search } = await open(t);
  await search.fill("no such function");
  await menu.getByText(/^0 of \d+$/).waitFor();
  assert.equal(await menu.getByRole("link").count(), 0);
});

test("every operation can be shown, with all that is folded", async (t) => {
  const { opened, main } = await open(t);
  const api = await description();
  for (const { operationId } of Object.values(api.paths).flatMap(Object.values)) {
    await opened.evaluate((id) => (location.hash = `#/${id}`), operationId);
    await opened.waitForFunction((id) => document.querySelector("nav [aria-current]")?.hash === `#/${id}`, operationId);
    // A type that contains itself goes on for ever: two levels are enough to see every kind of content.
    for (const level of ["main details", "main details details"]) {
      await opened.evaluate((query) => document.querySelectorAll(query).forEach((part) => (part.open = true)), level);
    }
    assert.ok((await main.getByRole("heading", { name: "Status" }).count()) > 0, operationId);
    assert.equal(await main.getByText("undefined").count(), 0, operationId);
  }
});

test("on a phone the menu gives way to what is read", async (t) => {
  const { opened, menu, main, search } = await open(t, PHONE);
  await opened.screenshot({ path: `${target}docs-phone.png`, animations: "disabled" });
  await search.fill("conversations list");
  await menu.getByRole("link", { name: "listForInbox query" }).tap();
  await main.getByRole("heading", { name: "conversations:listForInbox" }).waitFor();
  assert.equal(await menu.isVisible(), false);
  await opened.screenshot({ path: `${target}docs-phone-function.png`, animations: "disabled" });
  const overflow = await opened.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(overflow, 0);
  await opened.getByRole("link", { name: "Opencom API" }).tap();
  await menu.waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [size, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    test(`nothing stands in the way of assistive technology: ${colorScheme}, ${size}`, async (t) => {
      const { opened, main } = await open(t, { colorScheme, reducedMotion: "reduce", ...options });
      const check = async () => {
        const { violations } = await opened.evaluate(`${axe.source}; axe.run()`);
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
        assert.deepEqual(found, []);
      };
      await check();
      await opened.evaluate(() => (location.hash = "#/messages_send"));
      await main.getByRole("heading", { name: "messages:send" }).waitFor();
      await check();
    });
  }
}
