// Authlib (PyPI): the tests are Python (authlib_clients.py); this starts their grantd and passes on what they report.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { startLossyNetwork } from "../harness/lossy_network.js";
import { E2E } from "../harness/places.js";
import { ForeignSuite } from "../harness/suite.js";
import * as world from "../harness/world.js";

export const suite = new ForeignSuite("authlib", async (report) => {
  const network = await startLossyNetwork();
  const { issuer, secret, end } = await world.startWorld("authlib", { network });
  const switchboard = await startSwitchboard(network);
  try {
    const told = {
      issuer,
      secret,
      person: world.PERSON,
      api: world.API,
      opaque_api: world.OPAQUE_API,
      callback: world.CALLBACK,
      loopback_callback: world.LOOPBACK_CALLBACK,
      lose_answer: switchboard.address,
    };
    await run(report, told);
  } finally {
    await switchboard.end();
    await end();
    await network.end();
  }
});

// Where the tests, which are another process, have an answer lost: they POST the address whose next answer it shall be.
async function startSwitchboard(network) {
  const server = createServer(async (request, response) => {
    network.loseAnswerOf(Buffer.concat(await request.toArray()).toString());
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    end: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

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
