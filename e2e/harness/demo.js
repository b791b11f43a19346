// A started `grantd demo`. Who is who is found out by asking every address in the guide that it prints, so that its words may change.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantdBinary } from "./places.js";
import { start } from "./processes.js";

export const ADA = { username: "ada", password: "analytical engine", name: "Ada Byron" };
export const GRACE = { username: "grace", password: "nanosecond of wire", name: "Grace Hopper" };

const PARTIES = { mailroom: "<title>Mailroom<", postcard: "<title>Postcard<", postkeeper: "<title>PostKeeper<" };
const ATTEMPTS = 100;

// One start after the other: two that start at once could take the same free port.
let lastStart = Promise.resolve();

export function startDemo(name) {
  const started = lastStart.then(() => startNow(name));
  lastStart = started.catch(() => {});
  return started;
}

// For a suite: what each test, or all of them, are handed.
export async function withDemo(name, disposers) {
  const demo = await startDemo(name);
  disposers.push(demo.end);
  return { demo };
}

async function startNow(name) {
  const directory = await mkdtemp(join(tmpdir(), "grantd-e2e-"));
  const server = await start(name, grantdBinary(), ["demo"], { isReady: (written) => written.includes("http://"), cwd: directory });
  const addresses = await findEveryone(server.output);
  return {
    ...addresses,
    directory,
    output: server.output,
    async end() {
      await server.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function findEveryone(output) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await ask(output());
    if (found.issuer && Object.keys(PARTIES).every((party) => found[party])) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the guide of the demo does not name every address:\n${output()}`);
}

async function ask(guide) {
  const origins = new Set([...guide.matchAll(/http:\/\/[\w.]+:\d+/g)].map(([origin]) => origin));
  const found = {};
  for (const origin of origins) {
    const home = await fetch(origin).then((response) => response.text(), () => "");
    const party = Object.keys(PARTIES).find((name) => home.includes(PARTIES[name]));
    if (party) found[party] = origin;
    else if (await isIssuer(origin)) found.issuer = origin;
    // PostKeeper's page names the app that has claimed its scheme, and Mailroom's the API of the lockboxes.
    if (party === "postkeeper") found.rogue = home.match(/formaction="(http:[^"]+)\/arrive"/)?.[1];
    if (party === "mailroom") found.lockbox = home.match(/(http:[^<"]+)\/boxes</)?.[1];
  }
  return found;
}

async function isIssuer(origin) {
  const metadata = await fetch(`${origin}/.well-known/oauth-authorization-server`)
    .then((response) => response.json())
    .catch(() => ({}));
  return metadata.issuer === origin;
}
