// `kill -9` under mixed load, again and again on the same SQLite file. `E2E_KILLS=1000 e2e/run SQLite` kills more often.

import { Suite } from "../harness/suite.js";
import { startWorld } from "../harness/world.js";
import { assertAllSortsHappened, killUnderLoad } from "./killing.js";
import { PEOPLE, SETTINGS } from "./parties.js";

const KILLS = Number(process.env.E2E_KILLS ?? 50);

export const suite = new Suite("crashes, SQLite", {
  patienceSeconds: 180 + 4 * KILLS,
  all: async (name, disposers) => {
    const world = await startWorld(name, { settings: SETTINGS, people: PEOPLE });
    disposers.push(world.end);
    return { world };
  },
});
const { test } = suite;

// proves: CODE-03, REFRESH-08, REFRESH-09, REVOKE-06, STORE-04
test(`all that was answered is still so, over ${KILLS} ends of the server without warning`, async ({ world }) => {
  assertAllSortsHappened(await killUnderLoad(world, KILLS));
});
