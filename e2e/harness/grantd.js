// A started `grantd serve --dev`, with a configuration and data of its own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantdBinary } from "./places.js";
import { freePort, run, start } from "./processes.js";

// `declarations` is configuration text (TOML) behind what every server needs. With a `network` (lossy_network.js) its clients reach it
// through that alone.
export async function startGrantd(name, declarations, { network } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "grantd-e2e-"));
  const port = await freePort();
  network?.leadTo(port);
  const issuer = `http://localhost:${network?.port ?? port}`;
  const settings = `issuer = "${issuer}"\n\n[http]\nlisten = "127.0.0.1:${port}"\n\n[database]\npath = "${directory}/grantd.db"\n\n`;
  const config = join(directory, "grantd.toml");
  await writeFile(config, settings + declarations, { mode: 0o600 });

  const isReady = (written) => written.includes(`:${port}`);
  const serve = async () => {
    const server = await start(name, grantdBinary(), ["serve", "--dev", "--config", config], { isReady, cwd: directory });
    await answers(`http://127.0.0.1:${port}`, issuer);
    return server;
  };
  let server = await serve();
  return {
    issuer,
    output: () => server.output(),
    // Ends the process with no chance to finish anything, and starts another on the same data.
    async crash() {
      await server.kill();
      server = await serve();
    },
    // `grantd key list` and the like, beside the server; gives what it says.
    command: (...words) => run(grantdBinary(), [...words, "--dev", "--config", config], { cwd: directory }),
    async end() {
      await server.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

// Asked past the network, on which tests listen.
async function answers(origin, issuer) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(`${origin}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${issuer} does not answer`);
}
