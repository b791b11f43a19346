// A history check: many families of tokens are refreshed, repeated, raced, stolen and given back at once, while the server is killed and
// started again on the same data. Whatever was answered must still be so, however the server came to its end.
//
// Each family is held by one app that knows what it was told, and so what has to be true; a 200 that is forgotten is found at once, or at
// the latest at the end. `E2E_HISTORY_SECONDS=600 e2e/run crashes` looks for longer, with a crash every five seconds.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Suite } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { BASIC, POST, SPA, begin, discover, redeem } from "../clients/oauth4webapi_flow.js";
import { Endpoints } from "./endpoints.js";
import { Family, Fate } from "./family.js";

const SECONDS = Number(process.env.E2E_HISTORY_SECONDS ?? 10);
const CRASHES = Math.max(3, Math.floor(SECONDS / 5));
const FAMILIES = 20;
// Longer than a start takes, so that whoever was cut off is in time to repeat; the limits are those of one machine that does it all.
const SETTINGS = '[lifetimes]\nlost_response = "60s"\n\n[limits]\nsign_ins_per_account_and_network = 1000\nsign_ins_per_account = 1000\nsign_ins_per_network = 1000\n\n';

export const suite = new Suite("crashes", {
  patienceSeconds: 120 + 3 * SECONDS,
  all: async (name, disposers) => {
    const world = await startWorld(name, { settings: SETTINGS });
    disposers.push(world.end);
    return { world, as: await discover(world.issuer), secret: world.secret };
  },
});
const { test } = suite;

// proves: REFRESH-08, REFRESH-09, REVOKE-06
test(`${FAMILIES} families keep what was answered, over ${CRASHES} ends of the server without warning`, async (t) => {
  const endpoints = new Endpoints(t.as, t.secret);
  const families = await Promise.all(Array.from({ length: FAMILIES }, (_, index) => enrol(t, endpoints, index)));
  const until = Date.now() + SECONDS * 1000;
  const crashing = crashAtRandom(t.world, until);
  const lives = families.map((family) => family.live(until));
  await Promise.all([crashing, ...lives]);
  for (const family of families) await family.settle();
  for (const family of families) await assertKept(t.world, family);
  assertItHappened(families, endpoints);
});

async function enrol(t, endpoints, index) {
  const client = [BASIC, POST, SPA][index % 3];
  const tokens = await redeem(t, await begin(t, client));
  return new Family(endpoints, client, tokens, [Fate.GOES_ON, Fate.GIVEN_BACK, Fate.STOLEN, Fate.GOES_ON][index % 4], SECONDS);
}

async function crashAtRandom(world, until) {
  const pause = (until - Date.now()) / (CRASHES + 1);
  for (let crash = 0; crash < CRASHES; crash += 1) {
    await sleep(pause * (0.7 + 0.6 * Math.random()));
    await world.crash();
  }
}

// What the operator is shown: at most one token lives, and a grant ended by the rule that ended it, not by another.
async function assertKept(world, { grant, ended }) {
  const shown = JSON.parse(await world.command("grant", "show", grant, "--json"));
  const unspent = shown.refresh_tokens.filter(({ state }) => state === "unspent");
  assert.ok(unspent.length <= 1, `grant ${grant} has ${unspent.length} tokens that live`);
  const rule = { [Fate.GIVEN_BACK]: /REVOKE-04/, [Fate.STOLEN]: /REFRESH-09/ }[ended] ?? /^none$/;
  assert.match(shown.why ?? "none", rule, `grant ${grant} ended for another reason`);
}

// Without these a server that does nothing would pass as well.
function assertItHappened(families, endpoints) {
  const sum = (count) => families.reduce((so_far, family) => so_far + family.counts[count], 0);
  const counts = Object.fromEntries(Object.keys(families[0].counts).map((name) => [name, sum(name)]));
  console.log(`# ${JSON.stringify({ ...counts, cut_off: endpoints.cutOff })}`);
  for (const [name, count] of Object.entries(counts)) assert.ok(count > 0, `nothing was ${name}`);
  assert.ok(endpoints.cutOff > 0, "no request was cut off");
  assert.ok(families.some((family) => !family.ended) && families.some((family) => family.ended));
}
