// What `kill -9` cannot show: the memory of the machine outlives a process. So here the system's calls are watched (strace), and every answer
// that is to outlive the machine must come after the disk was told to keep what it stands on.

import assert from "node:assert/strict";
import { join } from "node:path";
import { ownFolder } from "../harness/places.js";
import { readTrace, tracedInto } from "../harness/strace.js";
import { Suite } from "../harness/suite.js";

import { startWorld } from "../harness/world.js";
import { assertBelievable } from "./checker.js";
import { OPAQUE, ROBOT, SIGNED, WEB } from "./load.js";
import { PEOPLE, SETTINGS, gather } from "./parties.js";
import { Visitor } from "./visitor.js";

const ROUNDS = 10;
const AT_ONCE = 32;
const DURABLE = /^(POST \/(token|revoke|login|consent)|GET \/authorize)/;
// `303` leads to a client or another page; what is refused need not be kept.
const ANSWERED = /^HTTP\/1\.1 (200|303)/;

export const suite = new Suite("flushes", {
  each: async (name, disposers) => {
    const trace = join(await ownFolder(disposers), "trace");
    const world = await startWorld(name, { settings: SETTINGS, people: PEOPLE, wrap: tracedInto(trace) });
    disposers.push(world.end);
    const parties = gather(world);
    disposers.push(async () => parties.connections.end());
    const visitor = new Visitor(parties, PEOPLE[0]);
    await visitor.signIn();
    return { world, trace, visitor, ...parties };
  },
});
const { test } = suite;

// proves: STORE-05, TOKEN-14
test("between what is written for one answer and the answer there is a flush of the disk", async (t) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { tokens } = await t.endpoints.redeem(WEB, await t.visitor.approve(WEB, SIGNED));
    const { tokens: next } = await t.endpoints.refresh(WEB, tokens.refresh);
    await t.endpoints.credentials(ROBOT, OPAQUE.resource, OPAQUE.scopes[0]);
    await t.endpoints.revoke(WEB, next.access, "access");
    await t.endpoints.revoke(WEB, next.refresh, "refresh");
  }
  const { answers, writes, flushes } = await traced(t);
  assert.ok(answers.length >= 6 * ROUNDS, `only ${answers.length} answers were seen`);
  for (const { read, answer } of answers) {
    const own = writes.filter((write) => write.from > read.to && write.to < answer.from);
    assert.ok(own.length > 0, `${read.data} wrote nothing before it was answered`);
    // One after the other: nobody else's write is among them, so all of them have to be on the disk.
    const last = Math.max(...own.map((write) => write.to));
    assert.ok(flushes.some((flush) => flush.from > last && flush.to < answer.from), `${read.data} was answered before its flush`);
  }
  assertBelievable(t.history);
});

// proves: STORE-05
test(`of ${AT_ONCE} at once none is answered before a flush that follows a write of its time`, async (t) => {
  const families = [];
  for (let family = 0; family < AT_ONCE; family += 1) {
    families.push((await t.endpoints.redeem(WEB, await t.visitor.approve(WEB, SIGNED))).tokens);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(families.map(async (tokens, index) => (families[index] = (await t.endpoints.refresh(WEB, tokens.refresh)).tokens)));
  }
  const { answers, writes, flushes } = await traced(t);
  const refreshes = answers.slice(-AT_ONCE * ROUNDS);
  for (const { read, answer } of refreshes) {
    const isKept = writes.some((write) => write.from > read.to && flushes.some((flush) => flush.from > write.to && flush.to < answer.from));
    assert.ok(isKept, `${read.data} was answered before its flush`);
  }
  const during = flushes.filter((flush) => flush.from > refreshes[0].read.from);
  console.log(`# ${refreshes.length} answers at ${AT_ONCE} connections, ${during.length} flushes`);
  assertBelievable(t.history);
});

// The server is ended first, so that the trace is whole.
async function traced({ world, trace }) {
  await world.nodes[0].stop();
  const calls = await readTrace(trace);
  const ofLog = calls.filter(({ place, ok }) => ok && place.endsWith("-wal"));
  const asked = new Map();
  const answers = [];
  for (const call of calls) {
    if (!call.place.startsWith("socket:") && !call.place.startsWith("TCP")) continue;
    if (/^(read|recvfrom)$/.test(call.call) && DURABLE.test(call.data)) asked.set(call.place, call);
    if (/^(write|writev|sendto|sendmsg)$/.test(call.call) && ANSWERED.test(call.data) && asked.has(call.place)) {
      answers.push({ read: asked.get(call.place), answer: call });
      asked.delete(call.place);
    }
  }
  return {
    answers,
    writes: ofLog.filter(({ call }) => call.startsWith("pwrite")),
    flushes: ofLog.filter(({ call }) => call === "fsync" || call === "fdatasync"),
  };
}
