// npm `convex`, ConvexReactClient and its hooks, in a browser, on a page of another origin than the server's.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launch, page } from "../support/browser.mjs";
import { chat, url } from "../support/people.mjs";

let site;
let browser;

before(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL("page.jsx", import.meta.url))],
    bundle: true,
    write: false,
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
  });
  const script = bundled.outputFiles[0].text;
  site = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8");
    response.end(
      isScript ? script : '<!doctype html><link rel="icon" href="data:,"><main></main><script src="/page.js"></script>',
    );
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  site.close();
});

/** Opens the page as somebody who writes to a thread. */
async function open(t, who) {
  const opened = await page(t, browser);
  await opened.goto(`http://localhost:${site.address().port}/#${encodeURIComponent(JSON.stringify({ url, ...who }))}`);
  await opened.getByRole("listitem").first().waitFor();
  return opened;
}

const asVisitor = ({ thread, visitor }) => ({ thread, sender: { senderType: "visitor", senderId: visitor.visitorId } });
const asAgent = ({ conversationId, agent }) => ({
  thread: { conversationId },
  sender: { senderType: "agent", senderId: agent.userId },
  token: agent.tokens.token,
});

async function write(opened, text) {
  await opened.getByLabel("Message").fill(text);
  await opened.getByRole("button", { name: "Send" }).click();
}

test("an optimistic message is rendered at once, never twice, until the real one takes its place", async (t) => {
  const opened = await open(t, asVisitor(await chat()));
  for (const text of ["first", "second"]) {
    await write(opened, text);
    await opened.waitForFunction(
      (wanted) => window.renders.at(-1).some(([content, isOptimistic]) => content === wanted && !isOptimistic),
      text,
    );
    const renders = await opened.evaluate(() => window.renders);
    const states = renders.map((shown) => shown.filter(([content]) => content === text));
    assert.ok(states.every((found) => found.length <= 1));
    const sequence = states.map(([found]) => (found ? (found[1] ? "optimistic" : "real") : "absent")).join(" ");
    assert.match(sequence, /^(absent )+(optimistic )+real( real)*$/);
  }
});

test("two pages are live in both directions", async (t) => {
  const scene = await chat();
  const theirs = await open(t, asVisitor(scene));
  const ours = await open(t, asAgent(scene));
  await write(theirs, "Hello?");
  await ours.getByText("Hello?", { exact: true }).waitFor();
  await write(ours, "Hi!");
  await theirs.getByText("Hi!", { exact: true }).waitFor();
});

test("HTTP calls pass a browser's rules for other origins, with a token too", async (t) => {
  const scene = await chat();
  const opened = await open(t, asVisitor(scene));
  const email = await opened.evaluate(
    async ({ url, token }) => {
      const client = new window.ConvexHttpClient(url);
      client.setAuth(token);
      return (await client.query(window.api.auth.currentUser, {})).user.email;
    },
    { url, token: scene.agent.tokens.token },
  );
  assert.equal(email, scene.agent.email);
});
