// npm `convex`, ConvexHttpClient.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexError } from "convex/values";
import { api, chat, http, signUp, texts, url } from "../support/people.mjs";

test("a visitor and an agent chat", async () => {
  const { agent, visitor, thread, says, answers } = await chat();
  await visitor.http.mutation(api.messages.send, says("Hello?"));
  const inbox = await agent.http.query(api.conversations.listForInbox, { workspaceId: agent.workspaceId });
  assert.equal(inbox.conversations[0].lastMessage.content, "Hello?");
  assert.equal(inbox.conversations[0].unreadByAgent, 1);
  await agent.http.mutation(api.messages.send, answers("Hi!"));
  assert.deepEqual(texts(await visitor.http.query(api.messages.list, thread)), ["Hello?", "Hi!"]);
});

test("mutations of one client run in the order in which they were called", async () => {
  const { visitor, thread, says } = await chat();
  const sent = Array.from({ length: 10 }, (_, number) => `message ${number}`);
  await Promise.all(sent.map((content) => visitor.http.mutation(api.messages.send, says(content))));
  assert.deepEqual(texts(await visitor.http.query(api.messages.list, thread)), sent);
});

test("a refusal is a ConvexError with its code and text", async () => {
  const { visitor, says } = await chat();
  const refused = visitor.http.mutation(api.messages.send, { ...says("x"), sessionToken: "wst_wrong" });
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ConvexError);
    assert.equal(error.data.code, "NOT_AUTHENTICATED");
    assert.equal(error.data.message, error.message);
    return true;
  });
});

test("a wrong argument is named", async () => {
  await assert.rejects(http().query(api.messages.list, { conversationId: "x" }), (error) => {
    assert.ok(error instanceof ConvexError);
    assert.equal(error.data.code, "INVALID_INPUT");
    assert.equal(error.data.field, "conversationId");
    return true;
  });
});

test("an action's refusal is a ConvexError too", async () => {
  const { email } = await signUp();
  const params = { flow: "signIn", email, password: "wrong horse" };
  await assert.rejects(http().action(api.auth.signIn, { provider: "password", params }), (error) => {
    assert.ok(error instanceof ConvexError);
    assert.equal(error.data.code, "NOT_AUTHENTICATED");
    return true;
  });
});

test("a function that does not exist is called so", async () => {
  await assert.rejects(http().query(api.nothing.here, {}), /Could not find public function for 'nothing:here'/);
});

test("a token that was made up is refused", async () => {
  const client = http();
  client.setAuth("a.b.c");
  await assert.rejects(client.query(api.auth.currentUser, {}), /Unauthenticated/);
  client.clearAuth();
  assert.equal(await client.query(api.auth.currentUser, {}), null);
});

test("a configured address may end in a slash", async () => {
  assert.equal(await http(`${url}/`).query(api.auth.isAuthenticated, {}), false);
});

test("the deprecated consistent query answers", async () => {
  const { visitor, thread } = await chat();
  assert.equal((await visitor.http.consistentQuery(api.messages.list, thread)).length, 1);
});
