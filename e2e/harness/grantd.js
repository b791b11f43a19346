// A started `grantd serve --dev`, with a configuration and data of its own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantdBinary } from "./places.js";
import { freePort, start } from "./processes.js";

// `declarations` is configuration text (TOML) behind what every server needs.
export async function startGrantd(name, declarations) {
  const directory = await mkdtemp(join(tmpdir(), "grantd-e2e-"));
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const settings = `issuer = "${issuer}"\n\n[http]\nlisten = "127.0.0.1:${port}"\n\n[database]\npath = "${directory}/grantd.db"\n\n`;
  const config = join(directory, "grantd.toml");
  await writeFile(config, settings + declarations, { mode: 0o600 });
  const isReady = (written) => written.includes(`:${port}`);
  const server = await start(name, grantdBinary(), ["serve", "--dev", "--config", config], { isReady, cwd: directory });
  await answers(issuer);
  return {
    issuer,
    output: server.output,
    async end() {
      await server.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(issuer) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(`${issuer}/readyz`).catch(() => null);
    if (response?.ok) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${issuer} does not answer`);
}
