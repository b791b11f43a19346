// What can end between a question and its answer when the records are on PostgreSQL: the node, the database server, the connection between
// them, at any moment and at the worst one, when a COMMIT is on its way. `E2E_KILLS=1000 e2e/run "PostgreSQL"` kills more often.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { LOSE, PASS, SILENCE, startCommitProxy } from "../harness/commit_proxy.js";
import { keptBehind, startPostgres } from "../harness/postgres.js";
import { freePort } from "../harness/processes.js";
import { Suite } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { assertBelievable } from "./checker.js";
import { OPAQUE, ROBOT } from "./load.js";
import { assertAllSortsHappened, killUnderLoad } from "./killing.js";
import { PEOPLE, SETTINGS, gather } from "./parties.js";

const KILLS = Number(process.env.E2E_KILLS ?? 50);
const AT_COMMIT = Math.ceil(KILLS / 5);
const CUTS = 2 * KILLS;
const DATABASE_KILLS = Math.ceil(KILLS / 10);
const FAILOVERS = Math.ceil(KILLS / 50);
const APPS = 12;
// Long, for a machine that is busy with something else.
const LATE_MS = 120_000;

export const suite = new Suite("crashes, PostgreSQL", {
  patienceSeconds: 240 + 4 * KILLS,
  each: async (name, disposers) => ({ postgres: await startPostgres(disposers), name, disposers }),
});
const { test } = suite;

// proves: CODE-03, REFRESH-08, REFRESH-09, REVOKE-06, STORE-04
test(`all that was answered is still so, over ${KILLS} ends of the node without warning`, async (t) => {
  const world = await startOn(t, t.postgres.port);
  assertAllSortsHappened(await killUnderLoad(world, KILLS, { untilGone: () => t.postgres.untilNobodyWrites() }));
});

// proves: STORE-04
test(`a node is killed ${AT_COMMIT} times while its commit is on the way, which is done then, or never`, async (t) => {
  const proxy = await startCommitProxy(t.postgres.port);
  t.disposers.push(proxy.end);
  const world = await startOn(t, proxy.port);
  // From the commit on until the node is gone, its bytes are held.
  const kill = async (node) => {
    let goOn;
    const gone = new Promise((resolve) => (goOn = resolve));
    const held = new Promise((resolve) => (proxy.decide = () => (resolve(), gone)));
    await held;
    await node.kill();
    proxy.decide = () => PASS;
    goOn(Math.random() < 0.5 ? PASS : LOSE);
  };
  await killUnderLoad(world, AT_COMMIT, { kill, untilGone: () => t.postgres.untilNobodyWrites() });
});

// proves: STORE-02, STORE-04
test(`the connection ends ${CUTS} times when a commit was sent, and nothing is done twice or lost`, async (t) => {
  const proxy = await startCommitProxy(t.postgres.port);
  t.disposers.push(proxy.end);
  const world = await startOn(t, proxy.port);
  const { history, connections, load } = await begin(world);
  const running = load.run();
  proxy.decide = () => (Math.random() < 0.05 ? LOSE : Math.random() < 0.1 ? SILENCE : PASS);
  await until(() => proxy.counts[LOSE] + proxy.counts[SILENCE] >= CUTS && proxy.counts[SILENCE] > 0);
  proxy.decide = () => PASS;
  await finish({ load, running, connections, history });
  console.log(`# commits: ${JSON.stringify(proxy.counts)}; cut off ${connections.cutOff}, sent away ${connections.sentAway.length}`);
  assert.equal(connections.cutOff, 0, "a request had no answer");
});

// proves: STORE-04
test(`PostgreSQL itself is killed ${DATABASE_KILLS} times, and the node goes on by itself`, async (t) => {
  const world = await startOn(t, t.postgres.port);
  const { history, connections, load } = await begin(world);
  const running = load.run();
  for (let killed = 0; killed < DATABASE_KILLS; killed += 1) {
    await sleep(1_000 * Math.random());
    await t.postgres.kill();
    await t.postgres.startAgain();
    await served(load);
  }
  await finish({ load, running, connections, history });
  console.log(`# cut off ${connections.cutOff}, sent away ${connections.sentAway.length}; ${load.counts.refreshed} refreshed`);
  assert.equal(connections.cutOff, 0, "a request had no answer");
});

// proves: STORE-05, STORE-06
test(`the primary is killed ${FAILOVERS} times and its synchronous standby takes over, and nothing that was answered is lost`, async (t) => {
  let [primary, spare] = [t.postgres, await freePort()];
  const world = await startOn(t, primary.port, spare);
  const { history, connections, load } = await begin(world);
  const running = load.run();
  for (let failed = 0; failed < FAILOVERS; failed += 1) {
    const standby = await primary.startSynchronousStandby(t.disposers, spare);
    await served(load);
    await sleep(500 * Math.random());
    await primary.kill();
    await standby.promote();
    // From now on it has no standby of its own, until the next one is made where the dead one was.
    [primary, spare] = [standby, primary.port];
    await served(load);
  }
  await finish({ load, running, connections, history });
  console.log(`# cut off ${connections.cutOff}, sent away ${connections.sentAway.length}; ${load.counts.refreshed} refreshed`);
});

// proves: STORE-05
test("one after the other, each durable answer has a flush of PostgreSQL's log", async (t) => {
  const world = await startOn(t, t.postgres.port);
  const { history, endpoints, load } = gather(world);
  await load.arrive(1);
  const flushes = async () => Number(await t.postgres.execute("SELECT wal_sync FROM pg_stat_wal"));
  const answers = 100;
  // What a connection has counted it tells at its end.
  await world.nodes[0].stop();
  const before = await flushes();
  await world.nodes[0].start();
  for (let answer = 0; answer < answers; answer += 1) assert.ok((await endpoints.credentials(ROBOT, OPAQUE.resource, OPAQUE.scopes[0])).tokens);
  await world.nodes[0].stop();
  const counted = (await flushes()) - before;
  console.log(`# ${answers} answers one after the other, ${counted} flushes`);
  assert.ok(counted >= answers, `${answers} answers, ${counted} flushes`);
  assertBelievable(history);
});

async function startOn({ name, disposers }, ...ports) {
  const world = await startWorld(name, { settings: SETTINGS, people: PEOPLE, database: await keptBehind(disposers, ...ports) });
  disposers.push(world.end);
  return world;
}

async function begin(world) {
  const parties = gather(world);
  await parties.load.arrive(APPS);
  return parties;
}

// Until many have been served again.
async function served(load) {
  const enough = (load.counts.refreshed ?? 0) + 20;
  await until(() => load.counts.refreshed >= enough);
}

async function until(holds) {
  const late = Date.now() + LATE_MS;
  while (!holds()) {
    if (Date.now() > late) throw new Error("it does not go on");
    await sleep(20);
  }
}

async function finish({ load, running, connections, history }) {
  load.stop();
  await running;
  await load.settle();
  connections.end();
  assertBelievable(history);
}
