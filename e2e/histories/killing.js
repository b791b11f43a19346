// Kills one node under mixed load, again and again, and holds everything that was asked and answered, before and after each kill, against
// what one server that never dies could have answered (checker.js).

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertBelievable } from "./checker.js";
import { gather } from "./parties.js";

const APPS = 16;
// Between a start and the next kill. Some come while the first requests are on their way, some in the middle of everything; a repeated
// refresh is held back by 400 ms.
const LEAST_MS = 40;
const MOST_MS = 1_200;

// `untilGone` waits until nothing that a killed node has sent is still at work elsewhere; `kill` ends it, if that is not all.
export async function killUnderLoad(world, kills, { untilGone = async () => {}, kill = (node) => node.kill() } = {}) {
  const { history, connections, load } = gather(world);
  await load.arrive(APPS);
  const running = load.run();
  for (let killed = 0; killed < kills; killed += 1) {
    await Promise.race([sleep(LEAST_MS + (MOST_MS - LEAST_MS) * Math.random()), running]);
    await kill(world.nodes[0]);
    await untilGone();
    history.fence(0);
    await world.nodes[0].start();
  }
  load.stop();
  await running;
  await load.settle();
  connections.end();
  assertBelievable(history);
  assert.ok(connections.cutOff >= kills, `only ${connections.cutOff} requests were cut off`);
  return { load, connections };
}

// Without these a server that does nothing would pass as well. Each of them is common enough for fifty kills' time.
export function assertAllSortsHappened({ load, connections: { cutOff, sentAway } }) {
  console.log(`# ${JSON.stringify({ ...load.counts, families: load.families.length, cut_off: cutOff, sent_away: sentAway.length })}`);
  for (const what of ["codes_redeemed", "codes_raced", "refreshed", "raced", "repeated", "access_tokens_given_back", "grants_given_back", "thefts",
    "ended_by_operator", "switched_off", "keys_removed", "taken_back", "sessions_left", "seen_active", "seen_inactive", "robots_served"]) {
    assert.ok(load.counts[what] > 0, `nothing was ${what}`);
  }
}
