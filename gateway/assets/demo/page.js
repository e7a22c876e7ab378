// Small things that both sides use. All text reaches the page as text, never as markup.

/** The official client's bundle puts itself here. */
export const { ConvexClient, ConvexHttpClient, anyApi: api } = globalThis.convex;

/** The element with this id; the page always has it. */
export const byId = (id) => document.getElementById(id);

/** A new element with these properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Shows a number of unread messages, or nothing. */
export function badge(at, count) {
  at.hidden = count === 0;
  const unit = count === 1 ? " unread message" : " unread messages";
  at.replaceChildren(
    count > 99 ? "99+" : String(count),
    element("span", { className: "hidden-text", textContent: unit }),
  );
}

/** Shows whether a client is connected, and goes on showing it. */
export function showConnection(client, at) {
  const show = ({ isWebSocketConnected, hasEverConnected }) => {
    const [state, text] = isWebSocketConnected
      ? ["live", "Live"]
      : ["lost", hasEverConnected ? "Reconnecting…" : "Connecting…"];
    if (at.dataset.state === state && at.textContent === text) return;
    at.dataset.state = state;
    at.textContent = text;
  };
  show(client.connectionState());
  client.subscribeToConnectionState(show);
}

/** What to call a visitor. */
export function nameOf(visitor) {
  if (!visitor) return "Somebody";
  if (visitor.name) return visitor.name;
  const words = (visitor.readableId ?? "visitor").split("-");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
}

/** Gives an avatar its letters, and a colour that is always the same for the same person. */
export function showAvatar(at, name, id) {
  const letters = name.split(" ").slice(0, 2);
  at.textContent = letters.map((word) => word.charAt(0)).join("");
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 360;
  at.style.setProperty("--hue", sum);
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A time as people write it: the hour today, else the day. */
export function when(milliseconds) {
  const date = new Date(milliseconds);
  return (date.toDateString() === new Date().toDateString() ? timeOfDay : day).format(date);
}

/** Makes a list show `items`, reusing its elements in place: what stays is not drawn or announced anew. */
export function fill(list, items, make, update) {
  items.forEach((item, index) => {
    const at = list.children[index] ?? list.appendChild(make());
    update(at, item, index);
  });
  while (list.children.length > items.length) list.lastChild.remove();
}

/** What went wrong, in words for people. */
export function reason(error) {
  return error?.data?.message ?? error?.message ?? "Something went wrong.";
}
