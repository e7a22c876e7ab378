// The examples of docs/clients.md, as they stand there, one after the other.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { url } from "./support/people.mjs";
import { DEADLINE } from "./support/seen.mjs";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const text = await readFile(new URL("../../docs/clients.md", import.meta.url), "utf8");

/** The one example in this language, for the server under test. */
function example(language) {
  const found = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))];
  assert.equal(found.length, 1);
  return found[0][1].replaceAll("http://127.0.0.1:3210", url);
}

test("the examples of the documentation run", async (t) => {
  // Below this directory, so that it finds the packages.
  const directory = await mkdtemp(path.join(here, "node_modules", ".docs-"));
  t.after(() => rm(directory, { recursive: true }));
  const script = path.join(directory, "example.mjs");
  await writeFile(script, example("js"));
  const javascript = await run(process.execPath, [script], { timeout: DEADLINE });
  assert.match(javascript.stdout, /thread: \[ 'Hi! How can we help you today\?', 'Hello\?' \]/);
  assert.match(javascript.stdout, /inbox: \[\]/);
  assert.match(javascript.stdout, /NOT_AUTHENTICATED \w+/);

  const python = await run(process.env.PYTHON ?? "python3", ["-c", example("py")], { timeout: DEADLINE });
  assert.match(python.stdout, /^Hi!\n\w+ .+\n$/);
});
