// The visitor's side: a website with the chat bubble in its corner.
import { chat, optimistic } from "./chat.js";
import { ConvexClient, api, badge, byId, nameOf, showConnection } from "./page.js";

/** Where a tab remembers which visitor it is: a reload is the same person, another tab somebody else. */
const REMEMBERED = "opencom-demo-visitor";

export async function startVisitor({ workspaceId }, page) {
  const client = new ConvexClient(location.origin, { unsavedChangesWarning: false });
  showConnection(client, byId("visitor-connection"));

  const messenger = byId("messenger");
  const bubble = byId("bubble");
  const newVisitor = byId("new-visitor");
  const view = chat(byId("visitor-chat"), {
    mine: "visitor",
    label: "Your conversation",
    welcome: "Hi there! What can we do for you?",
    placeholder: "Write a message",
    send,
  });
  /** Whoever the visitor is now, replaced as a whole: what is still under way for another one cannot get mixed in. */
  let here;

  function isOpen() {
    return !messenger.hidden && page.isShown();
  }

  function show() {
    const { conversation, messages } = here;
    const unread = isOpen() ? 0 : (conversation?.unreadByVisitor ?? 0);
    badge(byId("bubble-badge"), unread);
    page.showUnread(unread);
    view.show(messages, !conversation?.unreadByAgent);
    markAsRead();
  }

  function open(wanted) {
    messenger.hidden = !wanted;
    bubble.setAttribute("aria-expanded", String(wanted));
    messenger.parentElement.classList.toggle("chatting", wanted);
    show();
    if (wanted) view.focus();
    else bubble.focus();
  }

  async function markAsRead() {
    const at = here;
    if (!isOpen() || at.isReading || !at.conversation?.unreadByVisitor) return;
    at.isReading = true;
    const { sessionToken } = await at.session;
    const id = at.conversation._id;
    try {
      await client.mutation(api.conversations.markAsRead, { id, readerType: "visitor", sessionToken });
    } catch {
      return; // It is tried again with the next change.
    } finally {
      at.isReading = false;
    }
    // For what came meanwhile.
    markAsRead();
  }

  /** Follows the thread of the visitor's conversation; settles when it is there. */
  function follow(at, sessionToken) {
    at.following ??= new Promise((resolve, reject) => {
      const take = (messages) => {
        at.messages = messages;
        show();
        resolve();
      };
      const thread = { conversationId: at.conversation._id, sessionToken };
      at.subscriptions.push(client.onUpdate(api.messages.list, thread, take, reject));
    });
    return at.following;
  }

  async function send(content) {
    const at = here;
    const { sessionToken, visitor } = await at.session;
    // Made with the first message: a visitor who only looks around leaves no empty conversation in the inbox.
    at.conversation ??= await client.mutation(api.conversations.getOrCreateForVisitor, { workspaceId, sessionToken });
    await follow(at, sessionToken);
    const thread = { conversationId: at.conversation._id, sessionToken };
    await client.mutation(
      api.messages.send,
      { ...thread, content, senderType: "visitor", senderId: visitor._id },
      { optimisticUpdate: optimistic(api.messages.list, thread) },
    );
  }

  /** Comes in as this visitor, and follows what is theirs. */
  async function become(sessionId) {
    for (const unsubscribe of here?.subscriptions ?? []) unsubscribe();
    const session = client.mutation(api.widgetSessions.boot, { workspaceId, sessionId, currentUrl: location.href });
    const at = { session, messages: [], subscriptions: [] };
    here = at;
    view.clear();
    show();
    const { sessionToken, visitor } = await session;
    sessionStorage.setItem(REMEMBERED, sessionId);
    byId("visitor-name").textContent = nameOf(visitor);
    const take = ([latest]) => {
      if (!latest) return;
      at.conversation = latest;
      follow(at, sessionToken);
      show();
    };
    // The session has ended, as it does after a day: the same visitor comes in again.
    const leave = () => at === here && become(sessionId).catch(page.showTrouble);
    const mine = { workspaceId, sessionToken };
    at.subscriptions.push(client.onUpdate(api.conversations.listByVisitor, mine, take, leave));
  }

  bubble.addEventListener("click", () => open(messenger.hidden));
  byId("close-messenger").addEventListener("click", () => open(false));
  messenger.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(false);
  });
  newVisitor.addEventListener("click", async () => {
    newVisitor.disabled = true;
    try {
      const arrived = become(crypto.randomUUID());
      open(true);
      await arrived;
    } catch (error) {
      page.showTrouble(error);
    } finally {
      newVisitor.disabled = false;
    }
  });
  page.onShown(() => here && show());

  await become(sessionStorage.getItem(REMEMBERED) ?? crypto.randomUUID());
}
