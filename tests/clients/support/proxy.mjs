// A TCP proxy that loses connections on demand, as networks do.
import { once } from "node:events";
import net from "node:net";

export class Proxy {
  #listener;
  #pairs = new Set();
  #holding = false;

  constructor(listener) {
    this.#listener = listener;
    this.url = `http://127.0.0.1:${listener.address().port}`;
    /** How many connections were opened through it. */
    this.opened = 0;
  }

  /** A proxy in front of a server. */
  static async start(server) {
    const listener = net.createServer({ noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const proxy = new Proxy(listener);
    listener.on("connection", (client) => proxy.#connect(client, server.port));
    return proxy;
  }

  #connect(client, port) {
    this.opened += 1;
    const upstream = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const pair = { client, upstream };
    this.#pairs.add(pair);
    client.pipe(upstream);
    upstream.on("data", (bytes) => {
      if (!this.#holding) client.write(bytes);
    });
    upstream.on("end", () => client.end());
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** From now on the server hears its clients, and they no longer hear it: what it says is lost. */
  loseAnswers() {
    this.#holding = true;
  }

  /** Cuts every connection without a word. New ones work. */
  cut() {
    this.#holding = false;
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  async stop() {
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
