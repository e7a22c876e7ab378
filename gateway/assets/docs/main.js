// The API's reference: a menu of modules and functions, and the operation that the address names. All of it is read off
// /openapi.json.
import { element, fields, prose } from "./schema.js";

const menu = document.querySelector("#menu");
const modules = document.querySelector("#modules");
const shown = document.querySelector("#shown");
const search = document.querySelector("#search");
const found = document.querySelector("#found");

/** What each entry of the menu is found by. */
let entries = [];

function badge(kind) {
  return element("span", { className: `badge ${kind}` }, kind);
}

/** Every operation of the document, as the page needs it. */
function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      ...operation,
      method,
      path,
      name: operation["x-opencom-path"] ?? path,
      kind: operation["x-opencom-kind"] ?? method,
      address: `#/${operation.operationId}`,
    })),
  );
}

function drawMenu(api, operations) {
  for (const { name: tag } of api.tags) {
    const group = element("section", {}, element("h2", {}, tag));
    const list = element("ul");
    for (const operation of operations.filter(({ tags }) => tags[0] === tag)) {
      const label = operation.name.replace(`${tag}:`, "");
      const link = element("a", { href: operation.address }, element("span", {}, label), badge(operation.kind));
      const item = element("li", {}, link);
      list.append(item);
      const text = `${operation.name} ${operation.summary} ${operation.kind}`.toLowerCase();
      entries.push({ text, link, item, group });
    }
    group.append(list);
    modules.append(group);
  }
}

/** Shows the entries that have every word. */
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Set();
  let count = 0;
  for (const { text, item, group } of entries) {
    const matches = words.every((word) => text.includes(word));
    item.hidden = !matches;
    if (matches) groups.add(group);
    count += matches;
  }
  for (const { group } of entries) group.hidden = !groups.has(group);
  found.textContent = words.length > 0 ? `${count} of ${entries.length}` : `${entries.length} operations`;
}

function section(title, ...content) {
  return element("section", {}, element("h3", {}, title), ...content);
}

function code(text, label) {
  // Long lines scroll, so the keyboard has to reach them.
  return element("pre", { tabIndex: 0, ariaLabel: label, role: "region" }, element("code", {}, text));
}

function json(value, label) {
  return code(JSON.stringify(value, null, 2), label);
}

/** A call by curl. */
function curl({ path, security }, example) {
  const quoted = JSON.stringify(example).replaceAll("'", "'\\''");
  const token = security.some((scheme) => scheme.agent) ? ` -H "Authorization: Bearer $TOKEN"` : "";
  return `curl ${location.origin}${path}${token} \\\n  -H 'Content-Type: application/json' \\\n  -d '${quoted}'`;
}

function request(api, operation) {
  const body = operation.requestBody?.content["application/json"];
  if (!body) return [];
  const isFunction = Boolean(operation["x-opencom-path"]);
  const schema = isFunction ? body.schema.properties.args : body.schema;
  const parts = [section(isFunction ? "Arguments" : "Body", fields(api, schema))];
  if (body.example) parts.push(section("Call", code(curl(operation, body.example), "Call by curl")));
  return parts;
}

function answers(api, operation) {
  const answer = operation.responses[200].content?.["application/json"];
  if (!operation["x-opencom-path"]) return answer ? [section("Answer", fields(api, answer.schema))] : [];
  const value = answer.schema.oneOf[0].properties.value;
  return [
    section("Result", fields(api, value)),
    section("Answer", json(answer.examples.success.value, "Example of an answer")),
    section("Refusal", json(answer.examples.error.value, "Example of a refusal")),
  ];
}

function statuses(api, operation) {
  const list = element("dl", { className: "statuses" });
  for (const [status, answer] of Object.entries(operation.responses)) {
    const named = answer.$ref ? api.components.responses[answer.$ref.split("/").at(-1)] : answer;
    list.append(element("dt", {}, status), element("dd", {}, prose(named.description)));
  }
  return section("Status", list);
}

function drawOperation(api, operation) {
  const [description] = (operation.description ?? operation.summary).split("\n\n**Access.**");
  const access = operation["x-opencom-access"];
  shown.replaceChildren(
    element("p", { className: "path" }, badge(operation.kind), `${operation.method.toUpperCase()} ${operation.path}`),
    element("h2", {}, operation.name),
    prose(description),
    ...(access ? [section("Who may call", prose(access))] : []),
    ...request(api, operation),
    ...answers(api, operation),
    statuses(api, operation),
  );
}

function drawOverview(api) {
  const codes = element("dl", { className: "codes" });
  for (const { const: name, description } of api.components.schemas.Code.oneOf) {
    codes.append(element("dt", {}, element("code", {}, name)), element("dd", {}, prose(description)));
  }
  shown.replaceChildren(
    element("h2", {}, api.info.title),
    ...api.info.description.split("\n\n").map(prose),
    section("Errors", codes),
  );
}

/** Shows what the address names. */
function show(api, operations) {
  const operation = operations.find(({ address }) => address === location.hash);
  document.body.classList.toggle("reading", Boolean(operation));
  document.title = operation ? `${operation.name} – Opencom API` : "Opencom API";
  for (const { link } of entries) {
    if (operation && link.hash === operation.address) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (operation) {
    drawOperation(api, operation);
    menu.querySelector("[aria-current]").scrollIntoView({ block: "nearest" });
  } else {
    drawOverview(api);
  }
  window.scrollTo(0, 0);
}

try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const api = await answer.json();
  const operations = operationsOf(api);
  document.querySelector("#version").textContent = api.info.version;
  drawMenu(api, operations);
  filter();
  show(api, operations);
  search.addEventListener("input", filter);
  addEventListener("hashchange", () => {
    show(api, operations);
    shown.focus({ preventScroll: true });
  });
} catch (error) {
  const trouble = document.querySelector("#trouble");
  trouble.textContent = `The description could not be read: ${error.message}`;
  trouble.hidden = false;
}
