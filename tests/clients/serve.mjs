// Starts a server on throw-away data, runs a command that finds it in OPENCOM_URL, and ends as that command ended:
//   node serve.mjs node --test npm/socket.test.mjs
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Server } from "./support/server.mjs";

const [command, ...rest] = process.argv.slice(2);
if (!command) {
  console.error("usage: node serve.mjs COMMAND [ARGUMENT...]");
  process.exit(2);
}
const server = await Server.start(["--demo"]);
let code = 1;
try {
  const env = { ...process.env, OPENCOM_URL: server.url };
  [code] = await once(spawn(command, rest, { env, stdio: "inherit" }), "exit");
} finally {
  if (code !== 0) console.error(`\nThe server's log:\n${server.log}`);
  await server.stop();
}
process.exit(code ?? 1);
