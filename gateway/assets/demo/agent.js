// The agent's side: the inbox, and the conversation that is open.
import { chat, optimistic } from "./chat.js";
import {
  ConvexClient,
  ConvexHttpClient,
  api,
  badge,
  byId,
  element,
  fill,
  nameOf,
  showAvatar,
  showConnection,
  when,
} from "./page.js";

export async function startAgent({ workspaceId, agent: { email, password } }, page) {
  const client = new ConvexClient(location.origin, { unsavedChangesWarning: false });
  showConnection(client, byId("agent-connection"));
  await signIn(client, email, password);
  const { user } = await client.query(api.auth.currentUser, {});
  byId("agent-name").textContent = user.name ?? email;

  const inbox = byId("inbox");
  let rows = [];
  /** The id of the conversation that is open. */
  let opened;
  let messages = [];
  let reading = false;
  let unsubscribe;

  const view = chat(byId("agent-chat"), {
    mine: "agent",
    label: "The open conversation",
    welcome: "Nothing was said yet.",
    placeholder: "Write an answer",
    send,
  });

  const current = () => rows.find(({ _id }) => _id === opened);
  const isSeen = () => !current()?.unreadByVisitor;
  /** What is open before somebody's eyes counts as read, until the server says so too. */
  const unreadIn = (row) => (row._id === opened && page.isShown() ? 0 : (row.unreadByAgent ?? 0));

  async function markAsRead() {
    if (!page.isShown() || reading || !current()?.unreadByAgent) return;
    reading = true;
    try {
      await client.mutation(api.conversations.markAsRead, { id: opened, readerType: "agent" });
    } catch {
      return; // It is tried again with the next change.
    } finally {
      reading = false;
    }
    // For what came meanwhile.
    markAsRead();
  }

  function send(content) {
    const thread = { conversationId: opened };
    return client.mutation(
      api.messages.send,
      { ...thread, content, senderType: "agent", senderId: user._id },
      { optimisticUpdate: optimistic(api.messages.list, thread) },
    );
  }

  function open(row) {
    unsubscribe?.();
    unsubscribe = undefined;
    opened = row?._id;
    messages = [];
    view.clear();
    inbox.classList.toggle("reading", Boolean(row));
    byId("conversation-head").hidden = !row;
    byId("agent-chat").hidden = !row;
    byId("no-conversation").hidden = Boolean(row);
    show();
    if (!row) return;
    unsubscribe = client.onUpdate(api.messages.list, { conversationId: opened }, (list) => {
      messages = list;
      view.show(messages, isSeen());
    });
    const name = nameOf(row.visitor);
    showAvatar(byId("conversation-avatar"), name, row.visitorId ?? row._id);
    byId("conversation-title").textContent = name;
    byId("conversation-since").textContent = `Began ${when(row.createdAt)}`;
    markAsRead();
    view.focus();
  }

  function show() {
    byId("no-conversations").hidden = rows.length > 0;
    inbox.classList.toggle("bare", rows.length === 0);
    fill(byId("conversations"), rows, rowElement, (at, row) => {
      const button = at.firstChild;
      const name = nameOf(row.visitor);
      const unread = unreadIn(row);
      const said = row.lastMessage;
      button.dataset.id = row._id;
      button.classList.toggle("unread", unread > 0);
      if (row._id === opened) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      const [avatar, who, time, last, count] = button.children;
      showAvatar(avatar, name, row.visitorId ?? row._id);
      who.textContent = name;
      time.textContent = when(row.lastMessageAt ?? row.createdAt);
      last.textContent = said ? (said.senderType === "agent" ? `You: ${said.content}` : said.content) : "";
      badge(count, unread);
    });
    page.showUnread(rows.reduce((sum, row) => sum + unreadIn(row), 0));
  }

  byId("conversations").addEventListener("click", (event) => {
    const id = event.target.closest("button")?.dataset.id;
    const row = rows.find(({ _id }) => _id === id);
    if (row) open(row);
  });
  byId("back").addEventListener("click", () => {
    const left = opened;
    open(undefined);
    document.querySelector(`#conversations [data-id="${left}"]`)?.focus();
  });
  page.onShown(() => {
    show();
    markAsRead();
  });

  client.onUpdate(api.conversations.listForInbox, { workspaceId }, ({ conversations }) => {
    rows = conversations;
    show();
    if (opened) view.show(messages, isSeen());
    markAsRead();
  });
}

/** Signs the client in, and keeps it signed in: its tokens are renewed over HTTP, as they end while it is connected. */
async function signIn(client, email, password) {
  const http = new ConvexHttpClient(location.origin);
  const params = { flow: "signIn", email, password };
  let { tokens } = await http.action(api.auth.signIn, { provider: "password", params });
  await new Promise((resolve) => {
    client.setAuth(
      async ({ forceRefreshToken }) => {
        if (forceRefreshToken) {
          ({ tokens } = await http.action(api.auth.signIn, { refreshToken: tokens.refreshToken }));
        }
        return tokens?.token ?? null;
      },
      (isAuthenticated) => isAuthenticated && resolve(),
    );
  });
}

function rowElement() {
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", className: "row" },
      element("span", { className: "avatar", ariaHidden: "true" }),
      element("span", { className: "row-name" }),
      element("span", { className: "row-time quiet" }),
      element("span", { className: "row-last quiet" }),
      element("span", { className: "badge", hidden: true }),
    ),
  );
}
