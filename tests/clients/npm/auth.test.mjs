// npm `convex`, ConvexClient: who a live client is, and how that changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, authenticate, live, signUp, tokenOf, watch } from "../support/people.mjs";
import { Seen } from "../support/seen.mjs";

/** Whom the server takes a client for. */
const whoIs = (client) => watch(client, api.auth.currentUser, {});
const nobody = (me) => me === null;
const is = (agent) => (me) => me?.user.email === agent.email;

test("a live client signs in, becomes somebody else, and signs out", async (t) => {
  const [ada, grace] = await Promise.all([signUp(), signUp()]);
  const client = live(t);
  const me = whoIs(client);
  await me.until(nobody, "nobody");
  await authenticate(client, ada);
  await me.until(is(ada), "the first agent");
  await authenticate(client, grace);
  await me.until(is(grace), "the second agent");
  client.client.clearAuth();
  await me.until(nobody, "nobody again");
  assert.deepEqual(
    me.values.filter((value) => value instanceof Error),
    [],
  );
});

test("a token that is set before anything else counts from the first result on", async (t) => {
  const agent = await signUp();
  const client = live(t);
  client.setAuth(tokenOf(agent));
  const me = whoIs(client);
  await me.until(() => true, "the first result");
  assert.equal(me.values[0].user.email, agent.email);
});

test("a refused token is fetched anew", async (t) => {
  const agent = await signUp();
  const good = tokenOf(agent);
  const client = live(t);
  const state = new Seen();
  client.setAuth(async (wanted) => (wanted.forceRefreshToken ? good(wanted) : spoilt(agent.tokens.token)), state.push);
  await state.until((isAuthenticated) => isAuthenticated, "the fresh token to be confirmed");
  await whoIs(client).until(is(agent), "the agent");
});

test("a client whose tokens are all refused goes on as nobody", async (t) => {
  const agent = await signUp();
  const client = live(t);
  const me = whoIs(client);
  let asked = 0;
  const state = new Seen();
  client.setAuth(async () => {
    asked += 1;
    return spoilt(agent.tokens.token, asked);
  }, state.push);
  await state.until((isAuthenticated) => !isAuthenticated, "the refusal");
  await me.until(nobody, "nobody");
  assert.equal(await client.query(api.auth.isAuthenticated, {}), false);
});

test("signing out elsewhere ends what a live client sees", async (t) => {
  const agent = await signUp();
  const client = live(t);
  await authenticate(client, agent);
  const me = whoIs(client);
  await me.until(is(agent), "the agent");
  await agent.http.action(api.auth.signOut, {});
  await me.until(nobody, "nobody");
});

/** A JWT whose signature does not fit. */
function spoilt(token, salt = 0) {
  const [header, claims] = token.split(".");
  return [header, claims, Buffer.from(`spoilt ${salt}`).toString("base64url")].join(".");
}
