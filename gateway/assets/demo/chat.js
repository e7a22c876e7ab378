// A thread and the place to write: the same for the visitor and for the agent.
import { element, fill, reason, when } from "./page.js";

/** How far from its end a thread may be scrolled and still follow what is new, in pixels. */
const NEAR_THE_END = 80;

/** The upper and the lower border of the composer's field, in pixels. */
const BORDERS = 2;

/** Who speaks, where messages have no name of their own. */
const AUTHORS = { bot: "Automatic" };

/**
 * Builds a chat into `root`.
 *
 * `mine` is the sender type whose messages stand on the right, `label` names the thread, `welcome` stands where there
 * are no messages yet, and `send(text)` sends: what is written comes back into the composer when it fails.
 */
export function chat(root, { mine, label, welcome, placeholder, send }) {
  const list = element("ol");
  const log = element("div", { className: "log", tabIndex: 0, hidden: true }, list);
  log.setAttribute("role", "log");
  log.setAttribute("aria-label", label);
  const empty = element("p", { className: "empty", textContent: welcome, hidden: true });
  const trouble = element("p", { className: "trouble", hidden: true });
  trouble.setAttribute("role", "alert");
  const field = element("textarea", { rows: 1, placeholder, maxLength: 10_000 });
  field.setAttribute("aria-label", placeholder);
  const button = element("button", { type: "submit", className: "send", disabled: true });
  button.setAttribute("aria-label", "Send");
  button.append(arrow());
  const form = element("form", { className: "composer" }, field, button);
  root.replaceChildren(log, empty, trouble, form);

  const fit = () => {
    field.style.height = "";
    // One that is empty has the height of its one row, also while it is hidden and nothing can be measured.
    if (field.value !== "") field.style.height = `${field.scrollHeight + BORDERS}px`;
    button.disabled = field.value.trim() === "";
  };
  const toTheEnd = () => log.scrollTo({ top: log.scrollHeight });

  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "") return;
    field.value = "";
    trouble.hidden = true;
    fit();
    try {
      const sent = send(text);
      toTheEnd();
      await sent;
    } catch (error) {
      if (field.value === "") field.value = text;
      trouble.textContent = `Not sent. ${reason(error)}`;
      trouble.hidden = false;
      fit();
    }
  });

  return {
    /** Shows messages; `seen` says whether the other side has read all of them. */
    show(messages, seen) {
      const wasNear = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
      const isFirst = list.children.length === 0;
      const lastOfMine = messages.findLastIndex(({ senderType }) => senderType === mine);
      empty.hidden = messages.length > 0;
      log.hidden = messages.length === 0;
      fill(list, messages, message, (at, shown, index) => {
        const next = messages[index + 1];
        const isMine = shown.senderType === mine;
        const state = shown.isPending ? "Sending…" : seen ? "Seen" : "Delivered";
        at.classList.toggle("mine", isMine);
        at.classList.toggle("automatic", shown.senderType === "bot");
        at.classList.toggle("pending", Boolean(shown.isPending));
        at.classList.toggle("last-in-row", next?.senderType !== shown.senderType);
        const [who, text, note] = at.children;
        const author = AUTHORS[shown.senderType] ?? shown.senderName;
        put(who, isMine ? "You:" : `${author ?? "Visitor"}:`);
        put(text, shown.content);
        put(
          note,
          [!isMine && author, when(shown.createdAt), index === lastOfMine && state].filter(Boolean).join(" · "),
        );
      });
      if (wasNear || isFirst) toTheEnd();
    },
    /** Forgets what was shown and written. */
    clear() {
      list.replaceChildren();
      log.hidden = true;
      empty.hidden = true;
      trouble.hidden = true;
      field.value = "";
      fit();
    },
    /** Puts the cursor where one writes. */
    focus: () => field.focus(),
  };
}

/**
 * What `messages:send` shows until the server has answered: the message at the end of the thread, marked as pending.
 * `thread` are the arguments by which the sender reads it.
 */
export function optimistic(messagesList, thread) {
  const createdAt = Date.now();
  return (store, { content, senderType }) => {
    const shown = store.getQuery(messagesList, thread);
    if (!shown) return;
    store.setQuery(messagesList, thread, [...shown, { content, senderType, createdAt, isPending: true }]);
  };
}

function message() {
  return element(
    "li",
    { className: "message" },
    element("span", { className: "hidden-text" }),
    element("span", { className: "text" }),
    element("span", { className: "note" }),
  );
}

/** Sets a text only where it differs: assistive technology announces what is set. */
function put(at, text) {
  if (at.textContent !== text) at.textContent = text;
}

function arrow() {
  const namespace = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(namespace, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", "M4 12L20 4l-5 16-3.5-6.5z");
  picture.append(path);
  return picture;
}
