// `kill -9` under mixed load, again and again on the same data. Everything that was asked and answered, before and after each kill, is
// held against what one server that never dies could have answered (checker.js).
//
// `E2E_KILLS=1000 e2e/run crashes` kills more often.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Suite } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { assertBelievable } from "./checker.js";
import { PEOPLE, SETTINGS, gather } from "./parties.js";

const KILLS = Number(process.env.E2E_KILLS ?? 50);
const APPS = 16;
// Between a start and the next kill. Some come while the first requests are on their way, some in the middle of everything; a repeated
// refresh is held back by 400 ms.
const LEAST_MS = 40;
const MOST_MS = 1_200;
export const suite = new Suite("crashes", {
  patienceSeconds: 120 + 3 * KILLS,
  all: async (name, disposers) => {
    const world = await startWorld(name, { settings: SETTINGS, people: PEOPLE });
    disposers.push(world.end);
    return { world };
  },
});
const { test } = suite;

// proves: CODE-03, REFRESH-08, REFRESH-09, REVOKE-06, STORE-04
test(`all that was answered is still so, over ${KILLS} ends of the server without warning`, async ({ world }) => {
  const { history, connections, load } = gather(world);
  await load.arrive(APPS);
  const running = load.run();
  for (let kill = 0; kill < KILLS; kill += 1) {
    await Promise.race([sleep(LEAST_MS + (MOST_MS - LEAST_MS) * Math.random()), running]);
    await world.nodes[0].kill();
    history.fence(0);
    await world.nodes[0].start();
  }
  load.stop();
  await running;
  await load.settle();
  connections.end();
  assertBelievable(history);
  assertItHappened(load, connections);
});

// Without these a server that does nothing would pass as well.
function assertItHappened(load, connections) {
  const { cutOff, sentAway } = connections;
  console.log(`# ${JSON.stringify({ ...load.counts, families: load.families.length, cut_off: cutOff, sent_away: sentAway.length })}`);
  for (const what of ["codes_redeemed", "codes_raced", "refreshed", "raced", "repeated", "access_tokens_given_back", "grants_given_back", "thefts",
    "ended_by_operator", "switched_off", "keys_removed", "taken_back", "sessions_left", "seen_active", "seen_inactive", "robots_served"]) {
    assert.ok(load.counts[what] > 0, `nothing was ${what}`);
  }
  assert.ok(cutOff > KILLS / 2, "hardly a request was cut off");
}
