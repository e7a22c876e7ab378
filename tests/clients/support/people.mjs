// Who acts in the tests, each through an official client.
import { randomUUID } from "node:crypto";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { Seen } from "./seen.mjs";

export { api };

/** The server that the whole suite shares; serve.mjs sets it. */
export const url = process.env.OPENCOM_URL;
if (!url) throw new Error("OPENCOM_URL is not set: run `node serve.mjs node --test`");

export function http(at = url) {
  return new ConvexHttpClient(at, { logger: false });
}

/** A live client, closed when the test ends. */
export function live(t, at = url, options = {}) {
  const client = new ConvexClient(at, { logger: false, ...options });
  t.after(() => client.close());
  return client;
}

/** A new account with a workspace of its own. */
export async function signUp(at = url) {
  const email = `agent-${randomUUID()}@example.com`;
  const params = { flow: "signUp", email, password: "correct horse", name: "Ada" };
  const { tokens } = await http(at).action(api.auth.signIn, { provider: "password", params });
  const client = http(at);
  client.setAuth(tokens.token);
  const { user } = await client.query(api.auth.currentUser, {});
  return { email, password: params.password, tokens, http: client, userId: user._id, workspaceId: user.workspaceId };
}

/** What `setAuth` asks for: the agent's token, and a new one when the old one is not good enough. */
export function tokenOf(agent) {
  let { tokens } = agent;
  return async ({ forceRefreshToken }) => {
    if (forceRefreshToken)
      ({ tokens } = await agent.http.action(api.auth.signIn, { refreshToken: tokens.refreshToken }));
    return tokens?.token ?? null;
  };
}

/** Signs a live client in, and comes back when the server has confirmed it. */
export async function authenticate(client, agent) {
  const confirmed = new Seen();
  client.setAuth(tokenOf(agent), confirmed.push);
  await confirmed.until((isAuthenticated) => isAuthenticated, "the token to be confirmed");
  return confirmed;
}

/** A new visitor of a workspace, with an open conversation. */
export async function visit(workspaceId, at = url) {
  const client = http(at);
  const booted = await client.mutation(api.widgetSessions.boot, { workspaceId, sessionId: randomUUID() });
  const { sessionToken } = booted;
  const conversation = await client.mutation(api.conversations.createForVisitor, { workspaceId, sessionToken });
  return { http: client, sessionToken, visitorId: booted.visitor._id, conversationId: conversation._id };
}

/** A new workspace with its agent and a visitor who has a conversation with it. */
export async function chat(at = url) {
  const agent = await signUp(at);
  const visitor = await visit(agent.workspaceId, at);
  const { conversationId, sessionToken } = visitor;
  return {
    agent,
    visitor,
    conversationId,
    thread: { conversationId, sessionToken },
    /** The arguments of a message that the visitor sends. */
    says: (content) => ({ conversationId, content, senderType: "visitor", senderId: visitor.visitorId, sessionToken }),
    /** The arguments of a message that the agent sends. */
    answers: (content) => ({ conversationId, content, senderType: "agent", senderId: agent.userId }),
  };
}

/** Subscribes, and keeps every result; an error is kept as the error. */
export function watch(client, query, args) {
  const seen = new Seen();
  seen.unsubscribe = client.onUpdate(query, args, seen.push, seen.push);
  return seen;
}

/** The texts of a thread, without the greeting that every conversation begins with. */
export function texts(messages) {
  return messages.filter((message) => message.senderType !== "bot").map((message) => message.content);
}

/** Whether a thread's last message says this. */
export function endsWith(content) {
  return (messages) => Array.isArray(messages) && messages.at(-1)?.content === content;
}
