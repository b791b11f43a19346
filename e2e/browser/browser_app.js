// The dance with the app that lives in the browser alone: grantd, the API and the app are three origins, and the script is the client.

import assert from "node:assert/strict";
import { openBrowser } from "../harness/browser.js";
import { ADA, withDemo } from "../harness/demo.js";
import { allow, arriveAt, deny, readBoxes, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

export const suite = new Suite("browser app", { each: withDemo });
const { test } = suite;

// proves: SPA-01, TOKEN-12
test("the script trades code and verifier, reads the box, and rotates its refresh token", async (t) => {
  const { page, seen } = await openBrowser(t);
  await connect(page, t.demo, ["box-3"]);
  assert.deepEqual(await readBoxes(page), { "box-1": null, "box-2": null, "box-3": ["On the wheels of the Engine", "Note G, with corrections"] });
  const key = await page.innerText("#lockbox_key");
  const voucher = await page.innerText("#voucher");
  assert.notEqual(voucher, "none");
  await page.click("#refresh");
  await page.waitForFunction((old) => document.querySelector("#voucher").textContent !== old, voucher);
  assert.notEqual(await page.innerText("#lockbox_key"), key);
  await page.click("#open_box-1");
  await page.waitForSelector("#notice.bad");
  assert.match(await page.innerText("#notice"), /403.*opens box-3, and not this box/);
  assert.deepEqual(seen.complaints, []);
});

test("nothing that opens anything is left in the address or in the browser's storage", async (t) => {
  const { context, page } = await openBrowser(t);
  await connect(page, t.demo, ["box-1"]);
  assert.equal(page.url(), `${t.demo.postcard}/`);
  const stored = await page.evaluate(() => ({ ...localStorage, ...sessionStorage }));
  assert.deepEqual(stored, {});
  const readable = (await context.cookies(t.demo.postcard)).filter((cookie) => !cookie.httpOnly);
  assert.deepEqual(readable, []);
  await page.reload();
  await page.waitForSelector("#connect");
  assert.ok(await page.isHidden("#mail"), "the app remembers after a reload");
});

test("a denial is said and leaves the app with nothing", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(t.demo.postcard);
  await page.click("#connect");
  await signIn(page, ADA);
  await deny(page);
  await page.waitForSelector("#notice.bad");
  assert.match(await page.innerText("#notice"), /access_denied/);
  assert.ok(await page.isHidden("#mail"));
});

// proves: CONSENT-03
test("a public client is asked for each time, stored consent or not", async (t) => {
  const { page } = await openBrowser(t);
  await connect(page, t.demo, ["box-1"]);
  await page.click("#forget");
  await page.click("#connect");
  await page.waitForSelector("#allow");
});

test("an answer that this tab did not ask for is dropped before anything is sent", async (t) => {
  const { page, seen } = await openBrowser(t);
  await page.goto(`${t.demo.postcard}/callback?code=stolen&state=foreign&iss=${encodeURIComponent(t.demo.issuer)}`);
  await page.waitForSelector("#notice.bad");
  assert.match(await page.innerText("#notice"), /state/);
  assert.ok(!seen.requests.some((request) => request.url().endsWith("/token")), "the code was tried");
});

async function connect(page, demo, boxes) {
  await page.goto(demo.postcard);
  await page.click("#connect");
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  await tickBoxes(page, boxes);
  await allow(page);
  await arriveAt(page, demo.postcard);
  await page.waitForSelector("#boxes .card");
}
