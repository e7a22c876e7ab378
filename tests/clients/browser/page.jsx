// The page of the React tests: a thread and a button, through the official hooks. It keeps what every render showed.
import { ConvexHttpClient } from "convex/browser";
import { ConvexProvider, ConvexReactClient, useMutation, useQuery } from "convex/react";
import { anyApi as api } from "convex/server";
import { useState } from "react";
import { createRoot } from "react-dom/client";

/** What the test wants: the server's address, who writes, and the thread. */
const { url, token, sender, thread } = JSON.parse(decodeURIComponent(location.hash.slice(1)));

/** What each render showed, as `[content, isOptimistic]` of every message. */
window.renders = [];
window.ConvexHttpClient = ConvexHttpClient;
window.api = api;

const client = new ConvexReactClient(url);
if (token) client.setAuth(async () => token);

function Thread() {
  const messages = useQuery(api.messages.list, thread);
  const [text, setText] = useState("");
  const send = useMutation(api.messages.send).withOptimisticUpdate((store, { content }) => {
    const shown = store.getQuery(api.messages.list, thread);
    store.setQuery(api.messages.list, thread, [...shown, { _id: "optimistic", content, isOptimistic: true }]);
  });
  window.renders.push((messages ?? []).map(({ content, isOptimistic }) => [content, Boolean(isOptimistic)]));
  const submit = async (event) => {
    event.preventDefault();
    setText("");
    await send({ ...thread, ...sender, content: text });
  };
  return (
    <form onSubmit={submit}>
      <ol>
        {messages?.map(({ _id, content }) => (
          <li key={_id}>{content}</li>
        ))}
      </ol>
      <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
      <button>Send</button>
    </form>
  );
}

createRoot(document.querySelector("main")).render(
  <ConvexProvider client={client}>
    <Thread />
  </ConvexProvider>,
);
