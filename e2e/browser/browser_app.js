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

// proves: REFRESH-10
test("an answer that is lost on its way logs nobody out", async (t) => {
  const { page } = await openBrowser(t);
  await connect(page, t.demo, ["box-1"]);
  const voucher = await page.innerText("#voucher");
  const answers = [];
  await page.route(`${t.demo.issuer}/token`, async (route) => {
    const response = await route.fetch();
    answers.push(response.status());
    await (answers.length === 1 ? route.abort() : route.fulfill({ response }));
  });
  await page.click("#refresh");
  await page.waitForFunction((old) => document.querySelector("#voucher").textContent !== old, voucher);
  await page.unroute(`${t.demo.issuer}/token`);
  assert.deepEqual(answers, [200, 200]);
  const second = await page.innerText("#voucher");
  await page.click("#refresh");
  await page.waitForFunction((old) => document.querySelector("#voucher").textContent !== old, second);
  assert.match(await page.innerText("#notice"), /A new key and a new voucher/);
});

// proves: AT-11, REVOKE-04
test("a key that has ended is refused by the API, and renewed without the person", async (t) => {
  const { page, seen } = await openBrowser(t);
  await connect(page, t.demo, ["box-1"]);
  const shown = await page.innerText("#lockbox_key");
  const key = keyOf(seen, t.demo);
  const response = await fetch(`${t.demo.issuer}/revoke`, { method: "POST", body: new URLSearchParams({ token: key, client_id: "postcard" }) });
  assert.equal(response.status, 200);
  await untilRefused(t.demo, key);
  await page.click("#open_box-2");
  await page.waitForSelector("#notice.bad");
  assert.match(await page.innerText("#notice"), /403.*opens box-1, and not this box/);
  assert.match(await page.innerText("#journal .failed >> nth=0"), /takes the key no more/);
  assert.notEqual(await page.innerText("#lockbox_key"), shown);
});

// proves: REVOKE-04, AT-11
test("what the tab gives back opens nothing any more, wherever a copy is", async (t) => {
  const { page, seen } = await openBrowser(t);
  await connect(page, t.demo, ["box-1"]);
  const key = keyOf(seen, t.demo);
  await page.click("#forget");
  await page.waitForFunction(() => document.querySelector("#notice").textContent.includes("Given back and forgotten"));
  await untilRefused(t.demo, key);
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

// The key as the page sent it.
function keyOf(seen, demo) {
  const request = seen.requests.find((sent) => sent.url().startsWith(demo.lockbox) && sent.headers().authorization);
  return request.headers().authorization.slice("Bearer ".length);
}

// The lockboxes ask every second what has ended.
async function untilRefused(demo, key) {
  const ask = () => fetch(`${demo.lockbox}/boxes`, { headers: { Authorization: `Bearer ${key}` } });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await ask()).status === 401) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("the API still takes the key after ten seconds");
}
