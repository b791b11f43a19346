// Requests to one of the nodes of a server, over connections that are kept. An error says what it means for a history: nobody read the
// question, or it is not known what came of it.

import { Agent, request } from "node:http";
import { Lost, Unsent } from "./history.js";

// Longer than any answer takes.
const PATIENCE_MS = 20_000;
const MANY = 64;

export class Connections {
  // How many had no answer, and what those were told who shall come later.
  cutOff = 0;
  sentAway = [];
  // Called with the node whose answer was lost.
  onCutOff = () => {};
  #ports;
  #agents;

  constructor(issuer, ports) {
    this.origin = new URL(issuer).origin;
    this.#ports = ports;
    this.#agents = ports.map(() => new Agent({ keepAlive: true, maxSockets: MANY }));
  }

  // One of them, by chance.
  anyNode() {
    return Math.floor(Math.random() * this.#ports.length);
  }

  // `{ status, headers, text }`, `Unsent` or `Lost`. `path` may be an address of the issuer.
  ask(node, path, { method = "GET", headers = {}, form } = {}) {
    const url = new URL(path, this.origin);
    const body = form === undefined ? undefined : String(form);
    const typed = body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) };
    return new Promise((resolve) => {
      const options = { host: "127.0.0.1", port: this.#ports[node], path: url.pathname + url.search, method, agent: this.#agents[node] };
      const asked = request({ ...options, timeout: PATIENCE_MS, headers: { host: url.host, ...typed, ...headers } }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.once("end", () => resolve(this.#read(response, Buffer.concat(parts).toString())));
        response.once("error", () => resolve(this.#lost(node)));
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.once("error", (error) => resolve(error.code === "ECONNREFUSED" ? Unsent : this.#lost(node)));
      asked.end(body);
    });
  }

  end() {
    for (const agent of this.#agents) agent.destroy();
  }

  // Trouble of the server's own, and too many: neither says what became of the question.
  #read({ statusCode: status, headers }, text) {
    if (status < 500 && status !== 429) return { status, headers, text };
    this.sentAway.push({ status, retryAfter: headers["retry-after"] });
    return Lost;
  }

  #lost(node) {
    this.cutOff += 1;
    this.onCutOff(node);
    return Lost;
  }
}
