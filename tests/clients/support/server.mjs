// The server under test: the real binary, with an embedded PostgreSQL in a directory of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { within } from "./seen.mjs";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const binary = path.resolve(repository, process.env.OPENCOM_BIN ?? "target/debug/opencom");

/** Starting makes a database cluster, which a busy machine may take its time for. */
const STARTING = 120_000;

async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

export class Server {
  #child;
  #log = [];

  constructor(directory, port, flags) {
    this.directory = directory;
    this.port = port;
    this.flags = flags;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts a server on a new directory and a free port. */
  static async start(flags = []) {
    const directory = await mkdtemp(path.join(tmpdir(), "opencom-clients-"));
    // When this runs as root, PostgreSQL runs under an account that has to get in.
    await chmod(directory, 0o755);
    const server = new Server(directory, await freePort(), flags);
    await server.startAgain();
    return server;
  }

  /** Starts on the directory and port it had, and waits until it says that it listens. */
  async startAgain() {
    const { OPENCOM_DEMO, DATABASE_URL, OPENCOM_PUBLIC_URL, ...env } = process.env;
    const arguments_ = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data-dir", this.directory, ...this.flags];
    this.#child = spawn(binary, arguments_, { env, stdio: ["ignore", "inherit", "pipe"] });
    const listening = new Promise((resolve, reject) => {
      // Goes on reading, so that the server never waits for a reader of its log.
      createInterface(this.#child.stderr).on("line", (line) => {
        this.#log.push(line);
        if (line.includes("listening on")) resolve();
      });
      this.#child.once("error", reject);
      this.#child.once("exit", (code, signal) => reject(new Error(`the server ended: ${code ?? signal}\n${this.log}`)));
    });
    await within(listening, "the server to listen", STARTING);
  }

  /** What it wrote to its log. */
  get log() {
    return this.#log.join("\n");
  }

  /** kill -9: nothing is said to anybody. Its PostgreSQL is left behind. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Asks it to stop, and waits until it has. */
  async terminate() {
    await this.#end("SIGTERM");
  }

  /** Ends it, and removes what it stored. */
  async stop() {
    await this.terminate();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(signal) {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill(signal);
    await within(exit, `the server to end after ${signal}`, STARTING);
  }
}
