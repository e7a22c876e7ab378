// npm `convex`, ConvexClient: subscriptions, mutations and actions over the socket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexError } from "convex/values";
import { api, authenticate, chat, endsWith, live, signUp, texts, url, watch } from "../support/people.mjs";
import { Seen } from "../support/seen.mjs";

test("an agent signs in by an action, and the inbox is live", async (t) => {
  const { agent, visitor, conversationId, says } = await chat();
  const client = live(t);
  const params = { flow: "signIn", email: agent.email, password: agent.password };
  const { tokens } = await client.action(api.auth.signIn, { provider: "password", params });
  await authenticate(client, { ...agent, tokens });
  const inbox = watch(client, api.conversations.listForInbox, { workspaceId: agent.workspaceId });
  const row = () => inbox.last.conversations.find(({ _id }) => _id === conversationId);
  await inbox.until((page) => page.conversations.length === 1, "the inbox");
  await visitor.http.mutation(api.messages.send, says("Hello?"));
  await inbox.until(() => row().lastMessage.content === "Hello?", "the message");
  assert.equal(row().unreadByAgent, 1);
  await client.mutation(api.conversations.markAsRead, { id: conversationId, readerType: "agent" });
  assert.equal(row().unreadByAgent, 0);
});

test("a visitor boots, opens a conversation and writes, all over one socket", async (t) => {
  const { workspaceId } = await signUp();
  const client = live(t);
  const { sessionToken, visitor } = await client.mutation(api.widgetSessions.boot, { workspaceId, sessionId: "s" });
  const mine = watch(client, api.conversations.listByVisitor, { workspaceId, sessionToken });
  await mine.until((list) => list.length === 0, "no conversations yet");
  const { _id: conversationId } = await client.mutation(api.conversations.createForVisitor, {
    workspaceId,
    sessionToken,
  });
  assert.equal(mine.last[0]._id, conversationId);
  await client.mutation(api.messages.send, {
    conversationId,
    sessionToken,
    content: 'Grüße 👋\u2028\n"quoted" \\ and <b>bold</b>',
    senderType: "visitor",
    senderId: visitor._id,
  });
  assert.equal(mine.last[0].lastMessage.content, 'Grüße 👋\u2028\n"quoted" \\ and <b>bold</b>');
});

test("two clients are live in both directions", async (t) => {
  const { agent, conversationId, thread, says, answers } = await chat();
  const [ours, theirs] = [live(t), live(t)];
  await authenticate(ours, agent);
  const atAgent = watch(ours, api.messages.list, { conversationId });
  const atVisitor = watch(theirs, api.messages.list, thread);
  await Promise.all([atAgent, atVisitor].map((seen) => seen.until((list) => list.length === 1, "the greeting")));
  await theirs.mutation(api.messages.send, says("Hello?"));
  await atAgent.until(endsWith("Hello?"), "the visitor's message");
  await ours.mutation(api.messages.send, answers("Hi!"));
  await atVisitor.until(endsWith("Hi!"), "the agent's answer");
  assert.equal(atVisitor.last.at(-1).senderName, "Ada");
  assert.deepEqual(texts(atVisitor.last), ["Hello?", "Hi!"]);
});

test("a mutation's promise settles after the callbacks saw what it did", async (t) => {
  const { thread, says } = await chat();
  const client = live(t);
  const seen = watch(client, api.messages.list, thread);
  await seen.until((list) => list.length === 1, "the greeting");
  for (let number = 0; number < 10; number += 1) {
    await client.mutation(api.messages.send, says(`message ${number}`));
    assert.equal(seen.last.at(-1).content, `message ${number}`);
  }
});

test("twenty mutations in flight keep their order", async (t) => {
  const { thread, says } = await chat();
  const client = live(t);
  const seen = watch(client, api.messages.list, thread);
  const sent = Array.from({ length: 20 }, (_, number) => `message ${number}`);
  const ids = await Promise.all(sent.map((content) => client.mutation(api.messages.send, says(content))));
  assert.deepEqual(texts(seen.last), sent);
  assert.deepEqual(
    seen.last.slice(1).map(({ _id }) => _id),
    ids,
  );
});

test("an optimistic message is shown at once, never twice, and gives way to the real one", async (t) => {
  const { thread, says } = await chat();
  const client = live(t);
  const seen = watch(client, api.messages.list, thread);
  await seen.until((list) => list.length === 1, "the greeting");
  const optimisticUpdate = (store, { content }) => {
    const list = store.getQuery(api.messages.list, thread);
    store.setQuery(api.messages.list, thread, [...list, { _id: "pending", content, senderType: "visitor" }]);
  };
  const sent = client.mutation(api.messages.send, says("Hello?"), { optimisticUpdate });
  assert.equal(seen.last.at(-1)._id, "pending");
  const id = await sent;
  const shown = seen.values.map((list) => list.slice(1).map(({ _id }) => _id));
  // Not there, shown by the client, stored: each as often as the client likes, but in this order.
  assert.match(
    shown.map((ids) => ids.join("+") || "none").join(" "),
    new RegExp(`^(none )+(pending )+${id}( ${id})*$`),
  );
});

test("an optimistic message of a refused mutation goes away", async (t) => {
  const { thread, says } = await chat();
  const client = live(t);
  const seen = watch(client, api.messages.list, thread);
  await seen.until((list) => list.length === 1, "the greeting");
  const optimisticUpdate = (store) => store.setQuery(api.messages.list, thread, []);
  const sent = client.mutation(api.messages.send, { ...says("x"), sessionToken: "wst_wrong" }, { optimisticUpdate });
  assert.equal(seen.last.length, 0);
  await assert.rejects(sent);
  await seen.until((list) => list.length === 1, "the roll-back");
});

test("refusals are ConvexErrors in queries, mutations and actions", async (t) => {
  const { says, conversationId } = await chat();
  const client = live(t);
  const refusal = (code, kind) => (error) => {
    assert.ok(error instanceof ConvexError, String(error));
    assert.equal(error.data.code, code);
    assert.ok(
      error.message.startsWith(`[CONVEX ${kind}(`) && error.message.includes(error.data.message),
      error.message,
    );
    return true;
  };
  const query = watch(client, api.messages.list, { conversationId, before: "x" });
  refusal("INVALID_INPUT", "Q")(await query.until((value) => value instanceof Error, "the query's error"));
  const mutation = client.mutation(api.messages.send, { ...says("x"), sessionToken: "wst_wrong" });
  await assert.rejects(mutation, refusal("NOT_AUTHENTICATED", "M"));
  const action = client.action(api.auth.signIn, {
    provider: "password",
    params: { flow: "signIn", email: "no@one.example", password: "x" },
  });
  await assert.rejects(action, refusal("NOT_AUTHENTICATED", "A"));
});

test("a subscription fails when the session that it rests on ends", async (t) => {
  const { agent, visitor, thread } = await chat();
  const { sessionToken } = thread;
  const mine = watch(live(t), api.conversations.listByVisitor, { workspaceId: agent.workspaceId, sessionToken });
  await mine.until((list) => list.length === 1, "the visitor's conversations");
  await visitor.http.mutation(api.widgetSessions.revoke, { sessionToken });
  const error = await mine.until((value) => value instanceof Error, "the refusal");
  assert.equal(error.data.code, "NOT_AUTHENTICATED");
});

test("a function that does not exist fails alone", async (t) => {
  const { thread, says } = await chat();
  const client = live(t);
  const unknown = watch(client, api.nothing.here, {});
  const misspelt = watch(client, "no-module/at all:x", {});
  const seen = watch(client, api.messages.list, thread);
  const error = await unknown.until((value) => value instanceof Error, "the unknown query's error");
  assert.match(error.message, /Could not find public function for 'nothing:here'/);
  await misspelt.until((value) => value instanceof Error, "the misspelt query's error");
  await assert.rejects(client.mutation(api.nothing.here, {}), /Could not find public function/);
  await assert.rejects(client.action(api.nothing.here, {}), /Could not find public function/);
  await assert.rejects(client.mutation(api.messages.list, thread), /Trying to execute messages:list as Mutation/);
  await client.mutation(api.messages.send, says("still here"));
  assert.equal(seen.last.at(-1).content, "still here");
});

test("nothing comes after unsubscribing", async (t) => {
  const { thread, conversationId, says } = await chat();
  const client = live(t);
  const gone = watch(client, api.messages.list, thread);
  const kept = watch(client, api.conversations.get, { id: conversationId, sessionToken: thread.sessionToken });
  await gone.until((list) => list.length === 1, "the greeting");
  gone.unsubscribe();
  const before = gone.values.length;
  await client.mutation(api.messages.send, says("Hello?"));
  await kept.until(({ unreadByAgent }) => unreadByAgent === 1, "the other subscription's update");
  assert.equal(gone.values.length, before);
  const again = watch(client, api.messages.list, thread);
  await again.until(endsWith("Hello?"), "the new subscription");
});

test("a query is asked once", async (t) => {
  const { thread } = await chat();
  const messages = await live(t).query(api.messages.list, thread);
  assert.equal(messages.length, 1);
});

test("all results of an update are of one moment", async (t) => {
  const { agent, conversationId, thread, answers } = await chat();
  const client = live(t);
  const moments = new Seen();
  const note = () => {
    const [list, conversation] = [messages.getCurrentValue(), counters.getCurrentValue()];
    if (list && conversation) moments.push({ answers: texts(list).length, unread: conversation.unreadByVisitor ?? 0 });
  };
  const messages = client.onUpdate(api.messages.list, thread, note);
  const counters = client.onUpdate(
    api.conversations.get,
    { id: conversationId, sessionToken: thread.sessionToken },
    note,
  );
  await moments.until(() => true, "the thread");
  const sends = Array.from({ length: 20 }, (_, number) =>
    agent.http.mutation(api.messages.send, answers(`answer ${number}`), { skipQueue: true }),
  );
  await Promise.all(sends);
  await moments.until((moment) => moment.answers === 20, "all answers");
  // The greeting may count too, but always in the same way.
  const greeting = moments.values[0].unread;
  for (const moment of moments.values) assert.equal(moment.unread, moment.answers + greeting);
});

test("a thread of more than five megabytes arrives", async (t) => {
  const { visitor, thread, says } = await chat();
  const text = "é".repeat(64 * 1024);
  for (let number = 0; number < 45; number += 1) await visitor.http.mutation(api.messages.send, says(text));
  const seen = watch(live(t), api.messages.list, thread);
  await seen.until((list) => list.length === 46, "the thread");
  assert.ok(texts(seen.last).every((content) => content === text));
});

test("a configured address may end in a slash", async (t) => {
  const { thread } = await chat();
  assert.equal((await live(t, `${url}/`).query(api.messages.list, thread)).length, 1);
});
