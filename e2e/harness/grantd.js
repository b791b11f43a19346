// A started `grantd serve --dev`, with a configuration and data of its own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantdBinary } from "./places.js";
import { freePort, run, start } from "./processes.js";

// `declarations` is configuration text (TOML) behind what every server needs. With a `network` (lossy_network.js) its clients reach it
// through that alone. `database` is the configuration of another store than a SQLite file in the directory of the server, and `wrap` the
// words of a command that runs it; `nodes` says how many serve one issuer together.
export async function startGrantd(name, declarations, { network, database, wrap = [], nodes: count = 1 } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "grantd-e2e-"));
  const ports = [];
  for (let node = 0; node < count; node += 1) ports.push(await freePort());
  network?.leadTo(ports[0]);
  const issuer = `http://localhost:${network?.port ?? ports[0]}`;
  const store = database ?? `[database]\npath = "${directory}/grantd.db"\n\n`;
  const config = join(directory, "grantd.toml");
  await writeFile(config, `issuer = "${issuer}"\n\n${store}${declarations}`, { mode: 0o600 });

  const nodes = [];
  for (const [index, port] of ports.entries()) nodes.push(await startNode(`${name}${index || ""}`, { port, issuer, directory, config, wrap }));
  const [first] = nodes;
  return {
    issuer,
    directory,
    nodes,
    port: first.port,
    output: first.output,
    crash: first.crash,
    // `grantd key list` and the like, beside the server; gives what it says.
    command: (...words) => run(grantdBinary(), [...words, "--dev", "--config", config], { cwd: directory }),
    async end() {
      await Promise.all(nodes.map((node) => node.end()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function startNode(name, { port, issuer, directory, config, wrap }) {
  const isReady = (written) => written.includes(`:${port}`);
  const [command, ...args] = [...wrap, grantdBinary(), "serve", "--dev", "--config", config, "--set", `http.listen=127.0.0.1:${port}`];
  let server = null;
  const node = {
    port,
    output: () => server.output(),
    pid: () => server.pid,
    async start() {
      server = await start(name, command, args, { isReady, cwd: directory });
      await answers(`http://127.0.0.1:${port}`, issuer);
    },
    kill: () => server.kill(),
    // As an operator stops it: what it has begun is answered.
    stop: () => server.end(),
    // Ends the process with no chance to finish anything, and starts another on the same data.
    async crash() {
      await node.kill();
      await node.start();
    },
    end: () => server.end(),
  };
  await node.start();
  return node;
}

// Asked past the network, on which tests listen.
async function answers(origin, issuer) {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const response = await fetch(`${origin}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${issuer} does not answer`);
}
