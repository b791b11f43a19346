// Two nodes on one PostgreSQL database. Whatever one of them said, the other knows: of two that want the same at once, one at each node, no
// more is given than one node would give. `E2E_RACES=10000 e2e/run "two nodes"` races more often.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { keptBehind, startPostgres } from "../harness/postgres.js";
import { Suite } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { assertBelievable } from "./checker.js";
import { Lost } from "./history.js";
import { LETTERS, SIGNED, WEB } from "./load.js";
import { PEOPLE, SETTINGS, gather } from "./parties.js";
import { Visitor } from "./visitor.js";

const RACES = Number(process.env.E2E_RACES ?? 1_000);
// The one that is answered second waits for 400 ms, so many race beside each other.
const FAMILIES = 40;
const APPS = 12;
const RESTARTS = 6;

export const suite = new Suite("two nodes", {
  patienceSeconds: 240 + RACES / 5,
  all: async (_, disposers) => ({ postgres: await startPostgres(disposers) }),
  // An issuer of its own for each test.
  each: async (name, disposers, { postgres }) => {
    const database = await keptBehind(disposers, postgres.port);
    const world = await startWorld(name, { settings: SETTINGS, people: PEOPLE, database, nodes: 2 });
    disposers.push(world.end);
    return { world };
  },
});
const { test } = suite;

// proves: STORE-03, REFRESH-08
test(`two nodes race ${RACES} times for one refresh token, and one token lives after each`, async (t) => {
  const { history, endpoints, connections, visitors } = await signedIn(t.world, 4);
  const counts = { both_answered: 0, one_refused: 0 };
  await beside(FAMILIES, async (family) => {
    let { tokens } = await endpoints.redeem(WEB, await visitors[family % visitors.length].approve(WEB, SIGNED));
    for (let race = 0; race < RACES / FAMILIES; race += 1) {
      const arrived = [];
      await Promise.all([0, 1].map(async (node) => arrived.push(await endpoints.at(node).refresh(WEB, tokens.refresh))));
      const given = arrived.filter((answer) => answer.tokens);
      counts[given.length === 2 ? "both_answered" : "one_refused"] += 1;
      const said = arrived.map((answer) => (answer === Lost ? "lost" : JSON.stringify(answer)));
      assert.ok(given.length > 0, `race ${race} of family ${family}: neither was given a token, but ${said}; ${JSON.stringify(connections.sentAway)}`);
      // What comes last is what counts (decision 0008), at whichever node.
      tokens = given.at(-1).tokens;
      for (const { tokens: one } of given) await endpoints.introspectRefresh(WEB, one.refresh);
    }
  });
  console.log(`# ${JSON.stringify(counts)}`);
  assertBelievable(history);
  assert.equal(counts.one_refused, 0, "an honest app was refused");
});

// proves: STORE-03, CODE-03, CODE-04
test(`two nodes race ${RACES} times for one code, and one of them redeems it`, async (t) => {
  const { history, endpoints, visitors } = await signedIn(t.world, 8);
  let won = 0;
  await beside(visitors.length, async (number) => {
    for (let race = 0; race < RACES / visitors.length; race += 1) {
      const approved = await visitors[number].approve(WEB, SIGNED);
      const answers = await Promise.all([0, 1].map((node) => endpoints.at(node).redeem(WEB, approved)));
      const winners = answers.filter((answer) => answer.tokens);
      won += winners.length;
      // The second showing ends what the first was given.
      for (const { tokens } of winners) assert.equal((await endpoints.introspectAccess(LETTERS, tokens)).active, false);
    }
  });
  assert.equal(won, Math.ceil(RACES / visitors.length) * visitors.length);
  assertBelievable(history);
});

// proves: REVOKE-06, STORE-06
test("what was revoked at one node is over at the other with its next question", async (t) => {
  const { history, endpoints, visitors } = await signedIn(t.world, 4);
  await beside(visitors.length, async (number) => {
    for (let turn = 0; turn < 50; turn += 1) {
      const { tokens } = await endpoints.redeem(WEB, await visitors[number].approve(WEB, SIGNED));
      const there = turn % 2;
      assert.ok((await endpoints.at(1 - there).introspectAccess(LETTERS, tokens)).active);
      await endpoints.at(there).revoke(WEB, tokens.refresh, "refresh");
      assert.equal((await endpoints.at(1 - there).introspectAccess(LETTERS, tokens)).active, false);
      assert.ok((await endpoints.at(1 - there).refresh(WEB, tokens.refresh)).refused);
    }
  });
  assertBelievable(history);
});

test(`${RESTARTS} times a node is stopped and started under load, and nobody notices but who was talking to it`, async (t) => {
  const { history, connections, load } = gather(t.world);
  await load.arrive(APPS);
  let stopping = null;
  const strays = [];
  connections.onCutOff = (node) => node === stopping || strays.push(node);
  const running = load.run();
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    await sleep(500 + 500 * Math.random());
    stopping = restart % 2;
    await t.world.nodes[stopping].stop();
    history.fence(stopping);
    await t.world.nodes[stopping].start();
    stopping = null;
  }
  load.stop();
  await running;
  await load.settle();
  connections.end();
  console.log(`# ${load.counts.refreshed} refreshed, ${load.families.length} families, cut off ${connections.cutOff}`);
  assert.deepEqual(strays, [], "a node that was not stopped left a question without an answer");
  assert.deepEqual(connections.sentAway, [], "somebody was told to come later");
  assertBelievable(history);
});

async function signedIn(world, count) {
  const parties = gather(world);
  const visitors = Array.from({ length: count }, (_, index) => new Visitor(parties, PEOPLE[index % PEOPLE.length]));
  for (const visitor of visitors) await visitor.signIn();
  return { ...parties, visitors };
}

function beside(count, body) {
  return Promise.all(Array.from({ length: count }, (_, index) => body(index)));
}
