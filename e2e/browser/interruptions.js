// What people do to a flow under way: back, reload, click twice, open a second tab, take their time.

import assert from "node:assert/strict";
import { question, startApp } from "../harness/app.js";
import { openBrowser } from "../harness/browser.js";
import { ADA, GRACE, withDemo } from "../harness/demo.js";
import { allow, arriveAt, askWithMailroom, assertAt, connectMailroom, deny, heading, readBoxes, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";
import { API, PERSON, startWorld } from "../harness/world.js";

const PENDING_SECONDS = 3;

export const suite = new Suite("interruptions", {
  all: async (name, disposers) => {
    const hurried = await startWorld(name, { settings: `[lifetimes]\npending_request = "${PENDING_SECONDS}s"\n\n` });
    disposers.push(hurried.end);
    const app = await startApp();
    disposers.push(app.end);
    return { hurried, app };
  },
  each: withDemo,
});
const { test } = suite;

test("reload and back at each step lead on, not astray", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(t.demo.mailroom);
  await page.click("#connect");
  await page.reload();
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  await page.reload();
  await page.waitForSelector("#allow");
  // Who is signed in does not land on the sign-in page again.
  await page.goBack();
  await page.waitForSelector("#allow");
  assertAt(page, `${t.demo.issuer}/consent`);
  await tickBoxes(page, ["box-1"]);
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
  assert.equal((await readBoxes(page))["box-2"], null);
  await page.reload();
  assert.equal((await readBoxes(page))["box-2"], null);
});

// proves: AUTHZ-31
test("going back to a consent page that was answered shares nothing more", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await page.goBack();
  assert.equal(await heading(page), "This request has ended");
  await page.goto(t.demo.mailroom);
  assert.equal((await readBoxes(page))["box-2"], null);
});

// proves: STATE-01
test("the address of the callback, opened again, is dropped by the app", async (t) => {
  const { page, seen } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  const callback = seen.requests.map((request) => request.url()).find((url) => url.includes("/callback?"));
  await page.goto(callback);
  assertAt(page, `${t.demo.mailroom}/`);
  assert.match(await page.innerText("#notice"), /state is not one that this browser is waiting for/);
  assert.ok((await readBoxes(page))["box-1"], "what was open is closed now");
});

test("a double click on Allow ends at the app, or at a page that says how to go on", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, GRACE);
  await tickBoxes(page, ["box-1"]);
  await page.dblclick("#allow", { noWaitAfter: true });
  await page.waitForSelector("#boxes .card, h1:text-is('This request has ended')");
  if (page.url().startsWith(t.demo.issuer)) {
    assert.equal(await heading(page), "This request has ended");
    await page.goto(`${t.demo.mailroom}/login`);
  }
  assert.deepEqual((await readBoxes(page))["box-1"], ["Orders for Monday"]);
  assert.equal((await readBoxes(page))["box-2"], null);
});

test("two tabs of one browser each come to their own end", async (t) => {
  const { first, second } = await twoTabs(t);
  await signIn(first, ADA);
  await tickBoxes(first, ["box-1"]);
  // Whoever is signed in is not asked again.
  await second.reload();
  await tickBoxes(second, ["box-2"]);
  await allow(first);
  await arriveAt(first, t.demo.mailroom);
  assert.deepEqual(Object.keys(opened(await readBoxes(first))), ["box-1"]);
  await deny(second);
  await arriveAt(second, t.demo.mailroom);
  assert.match(await second.innerText("#notice"), /Nothing was shared/);
});

// proves: CONSENT-04
test("a consent page from before a second sign-in changes nothing, and one step back it is good again", async (t) => {
  const { first, second } = await twoTabs(t);
  await signIn(first, ADA);
  await first.waitForSelector("#allow");
  await signIn(second, GRACE);
  await second.waitForSelector("#allow");
  await allow(first);
  assert.equal(await heading(first), "Nothing was changed");
  await first.goBack();
  assert.equal(await first.innerText("#account"), GRACE.name);
  await tickBoxes(first, ["box-1"]);
  await allow(first);
  await arriveAt(first, t.demo.mailroom);
  assert.deepEqual((await readBoxes(first))["box-1"], ["Orders for Monday"]);
});

test("Allow does nothing for who signed out in another tab, until they sign in again", async (t) => {
  const { context, page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, GRACE);
  await tickBoxes(page, ["box-2"]);
  const other = await context.newPage();
  await other.goto(`${t.demo.issuer}/logout`);
  await other.click("#sign_out");
  await other.waitForSelector("h1:text-is('You are signed out')");
  await allow(page);
  assert.equal(await heading(page), "Nothing was changed");
  await page.goBack();
  await signIn(page, GRACE);
  await tickBoxes(page, ["box-2"]);
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
  assert.deepEqual(Object.keys(opened(await readBoxes(page))), ["box-2"]);
});

// proves: AUTHZ-31
test("who takes too long is told so, on the sign-in page and on the consent page", async (t) => {
  const { page } = await openBrowser(t);
  const ask = question(t.hurried.issuer, { client_id: "desktop", redirect_uri: t.app.callback, scope: "letters:read", resource: API });
  await page.goto(ask.url);
  await page.waitForTimeout(PENDING_SECONDS * 1000 + 300);
  await signIn(page, PERSON);
  assert.equal(await heading(page), "This request has ended");
  assert.match(await page.innerText("main"), /start there/);

  await page.goto(ask.url);
  await signIn(page, PERSON);
  await page.waitForSelector("#allow");
  await page.waitForTimeout(PENDING_SECONDS * 1000 + 300);
  await allow(page);
  assert.equal(await heading(page), "This request has ended");
  assert.deepEqual(t.app.arrivals, [], "the app was called back after all");
});

// Both on the sign-in page, each with a request of its own.
async function twoTabs(t) {
  const { context, page: first } = await openBrowser(t);
  const second = await context.newPage();
  for (const tab of [first, second]) {
    await tab.goto(t.demo.mailroom);
    await tab.click("#connect");
    await tab.waitForSelector("#login");
  }
  return { first, second };
}

function opened(boxes) {
  return Object.fromEntries(Object.entries(boxes).filter(([, letters]) => letters !== null));
}
