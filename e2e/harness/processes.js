// Programs that are started, listened to, and ended: each by its own process id, whatever happens.

import { execFile, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { LOGS } from "./places.js";

const START_PATIENCE_MS = 20_000;
const END_PATIENCE_MS = 5_000;
const running = new Set();

// Starts a program and waits until `isReady(everything it has written so far)` gives something, which is then `ready`.
export async function start(name, command, args, { isReady, cwd, env = {} }) {
  await mkdir(LOGS, { recursive: true });
  const log = createWriteStream(`${LOGS}/${name}.log`, { flags: "a" });
  const child = spawn(command, args, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));

  let written = "";
  const ready = new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${name} ${why}; it wrote:\n${written}`));
    const timer = setTimeout(() => fail("did not become ready"), START_PATIENCE_MS);
    const hear = (text) => {
      log.write(text);
      written += text;
      const found = isReady(written);
      if (!found) return;
      clearTimeout(timer);
      resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
    child.once("error", (error) => fail(`cannot be started: ${error.message}`));
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
  return { ready: await ready, pid: child.pid, output: () => written, end: () => end(child), kill: () => kill(child), ended: once(child) };
}

// A program that ends by itself; gives what it wrote.
export async function run(command, args, { cwd }) {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: cleanEnvironment() });
  return stdout;
}

export async function endEverything() {
  await Promise.all([...running].map(end));
}

// A port that was free a moment ago.
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child);
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

// As if the machine had lost its power, as far as a process can tell.
async function kill(child) {
  const ended = once(child);
  child.kill("SIGKILL");
  await ended;
}

function once(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}

// What is set on this machine for grantd is not meant for these.
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GRANTD_") && name !== "RUST_LOG"));
}
