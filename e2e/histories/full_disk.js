// A disk that is full, and one that fails. Whoever needs it is told to come later, nobody is told what is not so, and as soon as there is
// room again all goes on, without anybody starting anything.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ownFolder } from "../harness/places.js";
import { Ballast, onSmallDisk } from "../harness/small_disk.js";
import { failing } from "../harness/strace.js";
import { Suite, underscored } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { assertBelievable } from "./checker.js";
import { Lost } from "./history.js";
import { LETTERS, OPAQUE, ROBOT, SIGNED, WEB } from "./load.js";
import { PEOPLE, SETTINGS, gather } from "./parties.js";
import { Visitor } from "./visitor.js";

// Room for the database and its log, which is grown at the start.
const DISK_MB = 96;
const APPS = 8;

export const suite = new Suite("full disk", { each: async (_, disposers) => ({ folder: await ownFolder(disposers) }) });
const { test } = suite;

for (const [calls, error, what] of [
  ["pwrite64", "ENOSPC", "is full"],
  ["pwrite64", "EIO", "fails to write"],
  ["fsync,fdatasync", "EIO", "fails to keep what was written"],
]) {
  // proves: REVOKE-08
  test(`while the disk ${what} the answer is 503, and right again after`, async (t) => {
    const { endpoints, connections, history, visitor, world } = await begin(t, {});
    const asked = await visitor.approve(WEB, SIGNED);
    const { tokens } = await endpoints.redeem(WEB, await visitor.approve(WEB, SIGNED));
    const trouble = await failing(`${underscored(t.name)}_strace`, world.nodes[0].pid(), calls, error);
    for (const answer of [
      await endpoints.redeem(WEB, asked),
      await endpoints.refresh(WEB, tokens.refresh),
      await endpoints.revoke(WEB, tokens.access, "access"),
      await endpoints.credentials(ROBOT, OPAQUE.resource, OPAQUE.scopes[0]),
    ]) assert.equal(answer, Lost, "what cannot be kept was answered");
    assertSentAway(connections, 4);
    // Reading goes on.
    assert.equal((await endpoints.introspectAccess(LETTERS, tokens)).active, true);
    await trouble.end();

    assert.ok((await endpoints.redeem(WEB, asked)).tokens, "the code was lost");
    assert.ok((await endpoints.refresh(WEB, tokens.refresh)).tokens, "the refresh token was lost");
    await endpoints.revoke(WEB, tokens.access, "access");
    assert.equal((await endpoints.introspectAccess(LETTERS, tokens)).active, false);
    assert.ok((await endpoints.credentials(ROBOT, OPAQUE.resource, OPAQUE.scopes[0])).tokens);
    assertBelievable(history);
  });
}

test("under load a disk runs full, and is emptied, and nothing that was answered is lost", async (t) => {
  const database = `[database]\npath = "${t.folder}/grantd.db"\n\n`;
  const { connections, history, load, world } = await begin(t, { database, wrap: onSmallDisk(t.folder, DISK_MB) });
  const ballast = new Ballast(world.nodes[0].pid(), t.folder);
  const running = load.run();
  await sleep(500);
  await ballast.fill();
  const late = Date.now() + 30_000;
  while (connections.sentAway.length < 20 && Date.now() < late) await sleep(50);
  assertSentAway(connections, 20);
  await ballast.remove();
  const before = load.counts.refreshed;
  await sleep(2_000);
  load.stop();
  await running;
  assert.ok(load.counts.refreshed > before, "nobody was served after there was room again");
  await load.settle();
  assertBelievable(history);
});

async function begin({ name, closers }, how) {
  const world = await startWorld(underscored(name), { settings: SETTINGS, people: PEOPLE, ...how });
  closers.push({ close: world.end });
  // The command line would not see the small disk.
  const parties = gather(world, null);
  await parties.load.arrive(APPS);
  const visitor = new Visitor(parties, PEOPLE[0]);
  await visitor.signIn();
  closers.push({ close: async () => parties.connections.end() });
  return { world, visitor, ...parties };
}

function assertSentAway({ sentAway, cutOff }, least) {
  assert.ok(sentAway.length >= least, `${sentAway.length} of ${least} were told to come later, and ${cutOff} had no answer`);
  for (const { status, retryAfter } of sentAway) {
    assert.equal(status, 503);
    assert.match(String(retryAfter), /^\d+$/, "nobody said when to come again");
  }
}
