// What a program asks of the system, as strace sees it: which calls began and ended, in which order.

import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { start } from "./processes.js";

const CALLS = "pwrite64,pwritev,pwritev2,fdatasync,fsync,read,recvfrom,write,writev,sendto,sendmsg";
// Enough for a request line and a status, too short for a secret.
const SHOWN = 32;

// Words that run a command and write down what it does. It stays a child of whoever starts it, under its own process id.
export function tracedInto(file) {
  return ["strace", "-D", "-f", "-qq", "-y", "-s", String(SHOWN), "-e", `trace=${CALLS}`, "-o", file];
}

// Lets some calls of a process that runs fail, until `end`. On many machines only root may.
export async function failing(name, pid, calls, error) {
  const words = ["strace", "-f", "-p", String(pid), "-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}`, "-o", "/dev/null"];
  const [command, ...args] = mayAttach() ? words : ["sudo", "--non-interactive", ...words];
  return start(name, command, args, { isReady: (written) => written.includes("attached"), cwd: "/" });
}

// The same conditions as in e2e/setup.
function mayAttach() {
  const scope = "/proc/sys/kernel/yama/ptrace_scope";
  return process.getuid() === 0 || !existsSync(scope) || readFileSync(scope, "utf8").trim() === "0";
}

// In the order in which they ended: `{ call, place, data, from, to }`. `from` and `to` number the lines in which a call begins and ends, so
// that one was over before another began if its `to` is less than the other's `from`. `place` is a path or a socket.
export async function readTrace(file) {
  const unfinished = new Map();
  const calls = [];
  for (const [line, text] of (await readFile(file, "latin1")).split("\n").entries()) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(text) ?? [];
    if (!thread) continue;
    const resumed = /^<\.\.\. \w+ resumed>/.test(rest);
    const begun = resumed ? unfinished.get(thread) : callOf(rest, line);
    if (!begun) continue;
    if (resumed) begun.data ||= dataOf(rest);
    if (rest.endsWith("<unfinished ...>")) unfinished.set(thread, begun);
    else calls.push({ ...begun, to: line, ok: !/ = -1 /.test(rest) });
  }
  return calls;
}

function callOf(text, line) {
  const [, call, place] = /^(\w+)\(\d+<([^>]*(?:->[^>]*)?)>/.exec(text) ?? [];
  return call && { call, place, data: dataOf(text), from: line };
}

function dataOf(text) {
  return /"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "";
}
