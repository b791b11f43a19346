// Authlib (PyPI): the tests are Python (authlib_clients.py); this starts their grantd and passes on what they report.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { E2E } from "../harness/places.js";
import { ForeignSuite } from "../harness/suite.js";
import * as world from "../harness/world.js";

export const suite = new ForeignSuite("authlib", async (report) => {
  const { issuer, secret, end } = await world.startWorld("authlib");
  try {
    const told = { issuer, secret, person: world.PERSON, api: world.API, callback: world.CALLBACK, loopback_callback: world.LOOPBACK_CALLBACK };
    await run(report, told);
  } finally {
    await end();
  }
});

// A line of JSON for each test: its name, how long it took, and the reason if it failed.
async function run(report, told) {
  const python = spawn(`${E2E}.venv/bin/python`, [`${E2E}clients/authlib_clients.py`], {
    env: { ...process.env, AUTHLIB_INSECURE_TRANSPORT: "1", PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = new Promise((resolve, reject) => {
    python.once("error", reject);
    python.once("exit", resolve);
  });
  let complaints = "";
  python.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  python.stdin.end(JSON.stringify(told));
  for await (const line of createInterface({ input: python.stdout })) {
    const { name, milliseconds, failure } = JSON.parse(line);
    if (failure) report.fail("authlib", name, failure);
    else report.pass("authlib", name, milliseconds);
  }
  const code = await exited;
  if (code !== 0) throw new Error(`authlib_clients.py ended with ${code}:\n${complaints}`);
}
