// The page at /demo, as a person uses it.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { launch, page } from "../support/browser.mjs";
import { url } from "../support/people.mjs";
import { Proxy } from "../support/proxy.mjs";

const repository = new URL("../../../", import.meta.url);
const target = fileURLToPath(new URL("target/", repository));
const PHONE = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

let browser;

before(async () => {
  await mkdir(target, { recursive: true });
  browser = await launch();
});

after(() => browser?.close());

/** One side of the page, and what a person does on it. */
class Side {
  constructor(opened, name) {
    this.root = opened.locator(`#${name}`);
    this.field = this.root.getByRole("textbox");
    this.messages = this.root.getByRole("log").getByRole("listitem");
  }

  async says(text) {
    await this.field.fill(text);
    await this.field.press("Enter");
  }

  /** Waits until a message of this text stands in the thread. */
  async sees(text) {
    await this.messages.filter({ hasText: text }).waitFor();
  }
}

/** The demo in a window of its own, when both sides are there. */
async function open(t, options = {}, at = url) {
  const opened = await page(t, browser, options);
  await opened.goto(`${at}/demo`);
  const names = ["#visitor-name", "#agent-name"].map((name) => opened.locator(name).filter({ hasText: /./ }));
  await Promise.all(names.map((name) => name.waitFor({ state: "attached" })));
  const visitor = new Side(opened, "visitor");
  const agent = new Side(opened, "agent");
  const visitorName = await opened.locator("#visitor-name").textContent();
  return { opened, visitor, agent, visitorName, row: (name) => agent.root.getByRole("button", { name }) };
}

test("the page's client is the npm package's, byte for byte", async () => {
  const ours = new URL("gateway/assets/demo/convex-1.35.1.bundle.js", repository);
  const manifest = createRequire(import.meta.url).resolve("convex/package.json");
  const theirs = new URL(`file://${manifest.replace("package.json", "dist/browser.bundle.js")}`);
  assert.ok((await readFile(ours)).equals(await readFile(theirs)));
});

test("a visitor and an agent chat, side by side", async (t) => {
  const { opened, visitor, agent, visitorName, row } = await open(t, {
    viewport: { width: 1360, height: 800 },
  });
  await opened.getByRole("button", { name: "Chat with us" }).click();
  await visitor.says("Hi! Do you ship to Norway?");
  // Nobody has read it: the row says so, until it is opened.
  await row(visitorName).getByText("1 unread message").waitFor();
  await row(visitorName).click();
  await agent.sees("Hi! Do you ship to Norway?");
  await visitor.messages.last().getByText("Seen").waitFor();
  await row(visitorName).getByText("unread message").waitFor({ state: "hidden" });
  await agent.says("We do! It takes three to five days, and from 40 € on it is free.");
  await visitor.sees("We do!");
  await agent.messages.last().getByText("Seen").waitFor();
  await visitor.says("Lovely. Can I still change the grind after I have ordered?");
  await agent.sees("Lovely.");

  await opened.getByRole("button", { name: "New visitor" }).click();
  await visitor.says("Is anybody there?");
  await visitor.sees("Is anybody there?");
  const newcomer = await opened.locator("#visitor-name").textContent();
  assert.notEqual(newcomer, visitorName);
  assert.equal(await visitor.messages.filter({ hasText: "Norway" }).count(), 0);
  await row(newcomer).getByText("1 unread message").waitFor();
  await agent.says("Until it leaves the roastery, yes.");
  await agent.messages.last().getByText("Delivered").waitFor();
  await opened.screenshot({ path: `${target}demo.png`, animations: "disabled" });
});

test("an answer to a closed bubble is counted on it", async (t) => {
  const { opened, visitor, agent, visitorName, row } = await open(t);
  const bubble = opened.getByRole("button", { name: "Chat with us" });
  await bubble.click();
  await visitor.says("I will be back");
  await visitor.sees("I will be back");
  await bubble.click();
  await row(visitorName).click();
  await agent.says("See you!");
  await bubble.getByText("1 unread message").waitFor();
  await bubble.click();
  await visitor.sees("See you!");
  await agent.messages.last().getByText("Seen").waitFor();
  await bubble.getByText("unread message").waitFor({ state: "hidden" });
});

test("on a phone one side is shown at a time", async (t) => {
  const { opened, visitor, agent, visitorName, row } = await open(t, PHONE);
  const shows = (name) => opened.getByRole("group", { name: "Side to show" }).getByRole("button", { name });
  assert.equal(await agent.root.isVisible(), false);
  await opened.getByRole("button", { name: "Chat with us" }).tap();
  await visitor.says("Hello from a phone");
  await visitor.sees("Hello from a phone");
  await shows("Agent").getByText("unread message").waitFor();
  await opened.screenshot({ path: `${target}demo-phone.png`, animations: "disabled" });
  await shows("Agent").tap();
  assert.equal(await visitor.root.isVisible(), false);
  await row(visitorName).tap();
  await agent.sees("Hello from a phone");
  await agent.says("Hello, phone!");
  await shows("Visitor").getByText("1 unread message").waitFor();
  await opened.screenshot({ path: `${target}demo-phone-agent.png`, animations: "disabled" });
  await opened.getByRole("button", { name: "Back to all conversations" }).tap();
  await row(visitorName).getByText("You: Hello, phone!").waitFor();
  await row(visitorName).tap();
  await shows("Visitor").tap();
  await visitor.sees("Hello, phone!");
  // A thread that is open, but not before anybody's eyes, has not been read.
  await visitor.says("Thanks");
  await shows("Agent").getByText("unread message").waitFor();
  await visitor.messages.last().getByText("Delivered").waitFor();
  await shows("Agent").tap();
  await agent.sees("Thanks");
  await shows("Visitor").tap();
  await visitor.messages.last().getByText("Seen").waitFor();
  const overflow = await opened.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(overflow, 0);
});

test("a message is grey until the server has it, and a lost connection is said and mended", async (t) => {
  const proxy = await Proxy.start({ port: new URL(url).port });
  const { opened, visitor } = await open(t, {}, proxy.url);
  t.after(() => proxy.stop());
  await opened.getByRole("button", { name: "Chat with us" }).click();
  await visitor.says("first");
  await visitor.messages.last().getByText("Delivered").waitFor();
  proxy.loseAnswers();
  await visitor.says("second");
  await visitor.messages.last().getByText("Sending…").waitFor();
  await visitor.root.locator(".message.pending").waitFor();
  proxy.cut();
  await visitor.root.getByText("Reconnecting…").waitFor();
  await visitor.messages.last().getByText("Delivered").waitFor();
  await visitor.root.getByText("Live", { exact: true }).waitFor();
  assert.equal(await visitor.messages.filter({ hasText: "second" }).count(), 1);
  assert.equal(await visitor.root.locator(".message.pending").count(), 0);
});

test("a reload is the same visitor, and another window another one", async (t) => {
  const { opened, visitor, visitorName } = await open(t);
  await opened.getByRole("button", { name: "Chat with us" }).click();
  await visitor.says("remember me");
  await visitor.sees("remember me");
  await opened.reload();
  await opened.getByRole("button", { name: "Chat with us" }).click();
  await visitor.sees("remember me");
  assert.equal(await opened.locator("#visitor-name").textContent(), visitorName);
  const other = await open(t);
  assert.notEqual(other.visitorName, visitorName);
  // Both windows have the one inbox.
  await other.row(visitorName).getByText("remember me").waitFor();
});

test("the keyboard is enough", async (t) => {
  const { opened, visitor } = await open(t);
  const bubble = opened.getByRole("button", { name: "Chat with us" });
  await bubble.focus();
  await opened.keyboard.press("Enter");
  await opened.keyboard.type("two");
  await opened.keyboard.press("Shift+Enter");
  await opened.keyboard.type("lines");
  await opened.keyboard.press("Enter");
  await visitor.sees(/two\s+lines/);
  await opened.keyboard.press("Escape");
  assert.ok(await bubble.evaluate((element) => element === document.activeElement));
  assert.equal(await visitor.field.isVisible(), false);
});

test("what people write is shown as they wrote it", async (t) => {
  const { opened, visitor } = await open(t);
  const text = '<img src=x onerror="document.body.remove()"> &amp; 👋';
  await opened.getByRole("button", { name: "Chat with us" }).click();
  await visitor.says(text);
  await visitor.sees(text);
  assert.equal(await visitor.messages.last().locator("img").count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  for (const [size, options] of Object.entries({ desktop: {}, phone: PHONE })) {
    test(`nothing stands in the way of assistive technology: ${colorScheme}, ${size}`, async (t) => {
      const { opened, visitor, agent, visitorName, row } = await open(t, {
        colorScheme,
        reducedMotion: "reduce",
        ...options,
      });
      await opened.getByRole("button", { name: "Chat with us" }).click();
      await visitor.says("Hello?");
      await visitor.sees("Hello?");
      const check = async () => {
        // The policy of the page forbids scripts of others, so it runs as the test's own.
        const { violations } = await opened.evaluate(`${axe.source}; axe.run()`);
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
        assert.deepEqual(found, []);
      };
      await check();
      if (size === "phone") await opened.getByRole("button", { name: "Agent" }).tap();
      await row(visitorName).click();
      await agent.sees("Hello?");
      await check();
    });
  }
}
