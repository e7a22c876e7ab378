// Schemas and texts as elements. Nothing is ever parsed as HTML.

/** An element with properties and children. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A paragraph with `code` and **strong** words. */
export function prose(text) {
  const paragraph = element("p");
  for (const part of text.split(/(`[^`]*`|\*\*[^*]*\*\*)/)) {
    if (part.startsWith("`")) paragraph.append(element("code", {}, part.slice(1, -1)));
    else if (part.startsWith("**")) paragraph.append(element("strong", {}, part.slice(2, -2)));
    else paragraph.append(part);
  }
  return paragraph;
}

function resolve(api, schema) {
  return schema.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema;
}

/** A type in a few words. */
function typeOf(api, schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1).replace(/^Id_/, "id of ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches) return [...new Set(branches.map((branch) => typeOf(api, branch)))].join(" | ");
  const types = [schema.type ?? "any"].flat();
  return types.map((type) => (type === "array" ? `list of ${typeOf(api, schema.items ?? {})}` : type)).join(" | ");
}

/** The schema whose fields are worth showing below another one: its own, or those of its elements. */
function inner(api, schema) {
  const resolved = resolve(api, schema);
  return resolved.items ? inner(api, resolved.items) : resolved;
}

function branchesOf(schema) {
  return (schema.oneOf ?? schema.anyOf ?? []).filter((branch) => branch.type !== "null");
}

/** Whether there is more to say of a type than its name. */
function hasMore(api, schema) {
  const below = inner(api, schema);
  return Boolean(below.properties || below.enum || branchesOf(below).length > 0);
}

function limits({ maxLength, maxItems, minimum, maximum }) {
  const said = [];
  if (maxLength !== undefined) said.push(`at most ${maxLength} long`);
  if (maxItems !== undefined) said.push(`at most ${maxItems}`);
  if (minimum !== undefined) said.push(`from ${minimum}`);
  if (maximum !== undefined) said.push(`up to ${maximum}`);
  return said.join(", ");
}

function field(api, name, schema, isRequired) {
  const head = element("div", { className: "field-head" }, element("code", { className: "name" }, name));
  head.append(element("span", { className: "type" }, typeOf(api, schema)));
  if (isRequired) head.append(element("span", { className: "required" }, "required"));
  const bounds = limits(schema);
  if (bounds) head.append(element("span", { className: "quiet" }, bounds));
  const item = element("li", {}, head);
  if (schema.description) item.append(prose(schema.description));
  if (hasMore(api, schema)) item.append(folded(api, schema));
  return item;
}

/** What a type consists of, made when it is opened: types may contain themselves. */
function folded(api, schema) {
  const details = element("details", {}, element("summary", {}, typeOf(api, schema)));
  details.addEventListener("toggle", () => details.open && details.append(fields(api, schema)), { once: true });
  return details;
}

/** What a type consists of. */
export function fields(api, schema) {
  const below = inner(api, schema);
  const parts = [];
  if (below !== schema || !below.properties) parts.push(element("p", { className: "type" }, typeOf(api, schema)));
  if (below !== schema && below.description) parts.push(prose(below.description));
  const branches = branchesOf(below);
  const constants = branches.every((branch) => branch.const !== undefined);
  const required = new Set(below.required);
  const properties = Object.entries(below.properties ?? {});
  const list = element("ul", { className: "fields" });
  for (const [name, property] of properties) list.append(field(api, name, property, required.has(name)));
  for (const branch of branches) {
    const item = element("li");
    if (constants) item.append(element("code", {}, JSON.stringify(branch.const)));
    if (branch.description) item.append(prose(branch.description));
    if (!constants && hasMore(api, branch)) item.append(fields(api, branch.$ref ? resolve(api, branch) : branch));
    else if (!constants) item.append(element("span", { className: "type" }, typeOf(api, branch)));
    list.append(item);
  }
  if (list.children.length > 0) parts.push(list);
  else if (below.type === "object") parts.push(element("p", { className: "quiet" }, "None."));
  return element("div", {}, ...parts);
}
