// Starts both sides, and switches between them where the window shows only one.
import { startAgent } from "./agent.js";
import { badge, byId, reason } from "./page.js";
import { startVisitor } from "./visitor.js";

const switches = [...document.querySelectorAll("[data-shows]")];
const changed = new Set();

/** Whether a person can see this side now: what they cannot see they have not read. */
function isShown(side) {
  return document.visibilityState === "visible" && byId(side).offsetParent !== null;
}

function show(side) {
  document.body.dataset.side = side;
  for (const button of switches) button.setAttribute("aria-pressed", String(button.dataset.shows === side));
  for (const tell of changed) tell();
}

for (const button of switches) button.addEventListener("click", () => show(button.dataset.shows));
document.addEventListener("visibilitychange", () => changed.forEach((tell) => tell()));
addEventListener("resize", () => changed.forEach((tell) => tell()));

/** Says what no side can say by itself. */
function showTrouble(error) {
  byId("trouble").textContent = `The demo is out of order. ${reason(error)}`;
  byId("trouble").hidden = false;
}

/** What a side has to know of the page around it. */
function surroundings(side) {
  return {
    isShown: () => isShown(side),
    onShown: (tell) => changed.add(tell),
    showUnread: (count) => badge(byId(`${side}-switch-badge`), count),
    showTrouble,
  };
}

try {
  const answer = await fetch("/demo/config.json");
  if (!answer.ok) throw new Error((await answer.json()).message);
  const config = await answer.json();
  await Promise.all([startVisitor(config, surroundings("visitor")), startAgent(config, surroundings("agent"))]);
} catch (error) {
  showTrouble(error);
}
