// npm `convex`, ConvexClient: what happens when the network or the server fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, authenticate, chat, endsWith, live, texts, url, watch } from "../support/people.mjs";
import { Proxy } from "../support/proxy.mjs";
import { Seen } from "../support/seen.mjs";
import { Server } from "../support/server.mjs";

/** A chat whose visitor's live client reaches the server through a proxy, and has seen the thread. */
async function visitorBehindProxy(t) {
  const proxy = await Proxy.start({ port: new URL(url).port });
  t.after(() => proxy.stop());
  const scene = await chat();
  const client = live(t, proxy.url);
  const seen = watch(client, api.messages.list, scene.thread);
  await seen.until((list) => list.length === 1, "the greeting");
  return { ...scene, proxy, client, seen };
}

test("a cut connection is opened again, and the subscription goes on", async (t) => {
  const { proxy, agent, answers, seen } = await visitorBehindProxy(t);
  proxy.cut();
  await agent.http.mutation(api.messages.send, answers("while you were away"));
  await seen.until(endsWith("while you were away"), "what was missed");
  await agent.http.mutation(api.messages.send, answers("and now"));
  await seen.until(endsWith("and now"), "what came after");
  assert.equal(proxy.opened, 2);
});

test("a mutation whose answer got lost is sent again and executed once", async (t) => {
  const { proxy, client, agent, conversationId, seen, says } = await visitorBehindProxy(t);
  const direct = live(t);
  await authenticate(direct, agent);
  const stored = watch(direct, api.messages.list, { conversationId });
  proxy.loseAnswers();
  const sent = client.mutation(api.messages.send, says("once"));
  // The server has it, and its client does not know.
  const [message] = (await stored.until(endsWith("once"), "the message in the database")).slice(-1);
  proxy.cut();
  assert.equal(await sent, message._id);
  assert.deepEqual(texts(seen.last), ["once"]);
  await client.mutation(api.messages.send, says("twice"));
  await stored.until(endsWith("twice"), "the next message");
  assert.deepEqual(texts(stored.last), ["once", "twice"]);
});

test("of many mutations in flight each is executed once, in order, wherever the cut falls", async (t) => {
  const { proxy, client, agent, conversationId, seen, says } = await visitorBehindProxy(t);
  const direct = live(t);
  await authenticate(direct, agent);
  const stored = watch(direct, api.messages.list, { conversationId });
  const all = Array.from({ length: 30 }, (_, number) => `message ${number}`);
  const sent = Promise.all(all.map((content) => client.mutation(api.messages.send, says(content))));
  await stored.until((list) => texts(list).length >= 5, "some of the messages");
  proxy.cut();
  const ids = await sent;
  assert.deepEqual(texts(seen.last), all);
  assert.deepEqual(
    seen.last.slice(1).map(({ _id }) => _id),
    ids,
  );
});

test("an action in flight fails, as the client promises", async (t) => {
  const { proxy, client, agent } = await visitorBehindProxy(t);
  proxy.loseAnswers();
  const params = { flow: "signIn", email: agent.email, password: agent.password };
  const action = client.action(api.auth.signIn, { provider: "password", params });
  const refused = assert.rejects(action, /Connection lost while action was in flight/);
  proxy.cut();
  await refused;
});

test("an agent is still signed in after a cut", async (t) => {
  const { proxy, agent, visitor, says } = await visitorBehindProxy(t);
  const client = live(t, proxy.url);
  await authenticate(client, agent);
  const inbox = watch(client, api.conversations.listForInbox, { workspaceId: agent.workspaceId });
  await inbox.until((page) => page.conversations.length === 1, "the inbox");
  proxy.cut();
  await visitor.http.mutation(api.messages.send, says("are you there?"));
  await inbox.until((page) => page.conversations[0].lastMessage.content === "are you there?", "the message");
  // Nobody's inbox is empty: it was never shown.
  assert.ok(inbox.values.slice(1).every((page) => page.conversations.length === 1));
});

test("clients outlive a server that is killed, and one that is asked to stop", async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const { agent, says, answers, thread } = await chat(server.url);
  const reasons = new Seen();
  const client = live(t, server.url, { onServerDisconnectError: reasons.push });
  const seen = watch(client, api.messages.list, thread);
  await seen.until((list) => list.length === 1, "the greeting");

  await server.kill();
  const sent = client.mutation(api.messages.send, says("into the void"));
  await server.startAgain();
  // The client waits up to 16 s before it tries again.
  await seen.until(endsWith("into the void"), "the message after the restart", 60_000);
  await sent;
  await agent.http.mutation(api.messages.send, answers("back again"));
  await seen.until(endsWith("back again"), "an update after the restart");

  await server.terminate();
  await reasons.until((reason) => reason.includes("InternalServerError"), "the reason");
  await server.startAgain();
  await agent.http.mutation(api.messages.send, answers("and again"));
  await seen.until(endsWith("and again"), "an update after the second restart", 60_000);
  assert.deepEqual(texts(seen.last), ["into the void", "back again", "and again"]);
});
