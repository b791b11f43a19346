// A browser app in two tabs that share their storage and refresh at the same moment; and how such an app gives its tokens back.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { openBrowser } from "../harness/browser.js";
import { startLossyNetwork } from "../harness/lossy_network.js";
import { allow, signIn } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";
import { API, PERSON, startWorld } from "../harness/world.js";

const ROUNDS = 10;
// Longer than the third answer for one token is held back, and yet ten rounds are over soon.
const PERIOD_MS = 1_800;

export const suite = new Suite("two tabs", {
  all: async (name, disposers) => {
    const network = await startLossyNetwork();
    disposers.push(network.end);
    const app = await startBrowserApp();
    disposers.push(app.end);
    const world = await startWorld(name, { network, spa: `${app.origin}/` });
    disposers.push(world.end);
    app.settings = { issuer: world.issuer, resource: API, scope: "letters:read" };
    return { network, app, world };
  },
});
const { test } = suite;

// proves: REFRESH-10
test("two tabs that refresh at the same moment by their timers are never logged out", async (t) => {
  const { first, second } = await openTwoTabs(t);
  const rounds = await refreshByTimers([first, second]);
  const raced = rounds.filter(([one, other]) => one.shown === other.shown);
  assert.ok(raced.length > ROUNDS / 2, `only ${raced.length} rounds were a race`);
  await goesOn(first);
});

// The app repeats what was not answered. Mostly the browser has done so already, whenever a connection ends that it used before; with the
// other tab's that makes three answers, of which the last must be the one that counts.
// proves: REFRESH-10
test("nor if answers are lost meanwhile", async (t) => {
  const { first, second } = await openTwoTabs(t);
  const losing = setInterval(() => t.network.loseAnswerOf(`${t.world.issuer}/token`), 2 * PERIOD_MS);
  const before = t.network.lost();
  const rounds = await refreshByTimers([first, second]).finally(() => clearInterval(losing));
  assert.ok(t.network.lost() - before >= 3, "hardly an answer was lost");
  assert.equal(rounds.length, ROUNDS);
  await goesOn(second);
});

test("a page gives its refresh token back, and the other tab learns it with its next refresh", async (t) => {
  const { first, second, seen } = await openTwoTabs(t);
  await first.evaluate(() => app.revoke(app.held().refresh_token));
  assert.equal(await second.evaluate(() => app.refresh().catch((error) => error.error)), "invalid_grant");
  assert.deepEqual(seen.complaints, []);
});

// proves: TOKEN-12
test("the browser's question before a POST with headers is answered for the app, and for no other origin", async (t) => {
  const { first, context } = await openTwoTabs(t);
  const given = await first.evaluate(postWithHeaders, t.world.issuer);
  assert.deepEqual(given, { json: [400, "invalid_request"], form: [200, ""] });
  assert.ok(t.network.requests.includes("OPTIONS /revoke"), "the browser did not ask first");
  assert.equal(await first.evaluate(() => app.refresh().catch((error) => error.error)), "invalid_grant");

  const stranger = await startBrowserApp();
  t.closers.push({ close: stranger.end });
  const page = await context.newPage();
  await page.goto(`${stranger.origin}/nothing`);
  const refused = await page.evaluate((issuer) => fetch(`${issuer}/revoke`, { method: "POST", headers: { authorization: "Basic x" } }).catch(String), t.world.issuer);
  assert.match(refused, /TypeError: Failed to fetch/);
});

// proves: CONSENT-05
test("an app that the person ended on the page of access is refused its next refresh", async (t) => {
  const { first, second } = await openTwoTabs(t);
  await first.evaluate(() => app.refresh());
  await second.goto(`${t.world.issuer}/account/access`);
  await second.click("#end_0_button");
  await second.waitForSelector("#notice");
  assert.equal(await first.evaluate(() => app.refresh().catch((error) => error.error)), "invalid_grant");
});

// In the page. First as JSON, which the app is told is no form, then as a form with a header that makes the browser ask as well.
async function postWithHeaders(issuer) {
  const token = globalThis.app.held().refresh_token;
  const { revocation_endpoint: endpoint } = globalThis.app.as;
  if (!endpoint.startsWith(issuer)) throw new Error(`${endpoint} is elsewhere`);
  const json = await fetch(endpoint, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) });
  const form = new URLSearchParams({ token, client_id: "spa" });
  const given = await fetch(endpoint, { method: "POST", headers: { dpop: "not used" }, body: form });
  return { json: [json.status, (await json.json()).error], form: [given.status, await given.text()] };
}

async function openTwoTabs(t) {
  const { context, page: first, seen } = await openBrowser(t);
  await open(first, t.app.origin);
  await first.evaluate(() => void app.connect());
  await signIn(first, PERSON);
  await allow(first);
  await first.waitForSelector("[data-ready]");
  const second = await context.newPage();
  await open(second, t.app.origin);
  return { context, first, second, seen };
}

async function open(page, origin) {
  await page.goto(origin);
  await page.waitForSelector("[data-ready]");
}

// What each tab came by in each round, none of which was refused.
async function refreshByTimers(tabs) {
  const start = Date.now() + PERIOD_MS;
  const run = (tab) => tab.evaluate((when) => app.refreshByTimer(...when), [ROUNDS, PERIOD_MS, start]);
  const came = await Promise.all(tabs.map(run));
  const rounds = came[0].map((_, round) => came.map((tab) => tab[round]));
  for (const [round, both] of rounds.entries()) {
    for (const { error } of both) assert.equal(error, undefined, `logged out in round ${round + 1}: ${JSON.stringify(rounds, null, 1)}`);
  }
  return rounds;
}

async function goesOn(tab) {
  for (let more = 0; more < 2; more += 1) assert.ok((await tab.evaluate(() => app.refresh())).got);
}

// Serves the app's page and script, and the library as npm brought it.
async function startBrowserApp() {
  const file = (name) => readFile(new URL(name, import.meta.url), "utf8");
  const library = await readFile(new URL(import.meta.resolve("oauth4webapi")), "utf8");
  const app = { settings: {} };
  const served = {
    "/": ["text/html", await file("two_tabs_app.html")],
    "/app.js": ["text/javascript", await file("two_tabs_app.js")],
    "/oauth4webapi.js": ["text/javascript", library],
    "/settings.json": ["application/json", () => JSON.stringify(app.settings)],
  };
  const server = createServer((request, response) => {
    const [type, body] = served[request.url.split("?")[0]] ?? ["text/plain", ""];
    response.setHeader("content-type", `${type}; charset=utf-8`);
    response.end(typeof body === "function" ? body() : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  app.origin = `http://127.0.0.1:${server.address().port}`;
  app.end = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return app;
}
