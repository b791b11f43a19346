// The dance with the web app of the demonstration: a person decides which of their boxes it may open.

import assert from "node:assert/strict";
import { openBrowser } from "../harness/browser.js";
import { ADA, GRACE, withDemo } from "../harness/demo.js";
import { allow, arriveAt, askWithMailroom, assertAt, connectMailroom, deny, heading, readBoxes, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

export const suite = new Suite("web app", { each: withDemo });
const { test } = suite;

// A second more than the key to the parcel counter lasts.
const PARCELS_KEY_MS = 6_000;
const ADAS_FIRST_BOX = ["Your statement for November", "A new card is on its way"];

// proves: CONSENT-01
test("the page says who asks, where the answer goes, what is asked for and for how long", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, ADA);
  const words = await page.innerText("main");
  for (const word of ["Mailroom", "a program on this computer", ADA.name, "Lockboxes", "Parcel counter", "Box 1", "letters from the bank",
    "read the letters", "See which boxes you have", "See where your parcels are", "Also while you are away", "90 days"]) {
    assert.ok(words.includes(word), `the consent page does not say ${JSON.stringify(word)}:\n${words}`);
  }
  await deny(page);
});

// proves: RAR-05
test("the app reads exactly the box that was ticked, and no other", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  assert.deepEqual(await readBoxes(page), { "box-1": ADAS_FIRST_BOX, "box-2": null, "box-3": null });

  await page.click("#open_box-2");
  await page.waitForSelector("#notice.bad");
  assert.deepEqual(await readBoxes(page), { "box-1": ADAS_FIRST_BOX, "box-2": null, "box-3": null });
});

// proves: AUTHZ-14
test("a scope that was unticked is not granted", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, GRACE);
  await tickBoxes(page, ["box-2"]);
  await page.uncheck("[id='scope_boxes:list']");
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
  assert.deepEqual(await readBoxes(page), { "box-2": ["What is a compiler?"] });
});

// proves: AUTHZ-27
test("after Deny the app says so and holds nothing, and the request is spent", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, ADA);
  await deny(page);
  await arriveAt(page, t.demo.mailroom);
  assert.match(await page.innerText("#notice"), /Nothing was shared.*access_denied/);
  assert.equal(await page.locator("#boxes").count(), 0);
  await page.goBack();
  assert.equal(await heading(page), "This request has ended");
});

test("with nothing ticked nothing is shared, and the page says how to go on", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, ADA);
  for (const box of await page.locator("input[type=checkbox]").all()) await box.uncheck();
  await allow(page);
  assertAt(page, `${t.demo.issuer}/consent`);
  assert.match(await page.innerText("#problem"), /Nothing was ticked/);
  assert.equal(await page.locator("input:checked").count(), 0, "the page ticks again what the person unticked");
  await tickBoxes(page, ["box-3"]);
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
});

test("what was agreed to is not asked again, and the same boxes are open", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await page.click("#forget");
  await page.waitForSelector("#connect");
  await page.click("#connect");
  await arriveAt(page, t.demo.mailroom);
  assert.deepEqual(await readBoxes(page), { "box-1": ADAS_FIRST_BOX, "box-2": null, "box-3": null });
});

test("keys wear out and the voucher brings new ones, for each API its own", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await page.click("#ask_parcels");
  await page.waitForSelector(".parcel");
  const held = async () => [await page.innerText("#lockbox_key"), await page.innerText("#parcels_key"), await page.innerText("#voucher")];
  const before = await held();
  await page.click("#refresh_lockbox");
  const after = await held();
  assert.notEqual(after[0], before[0], "the key to the lockboxes is the old one");
  assert.equal(after[1], before[1], "the key to the parcel counter was renewed as well");
  assert.notEqual(after[2], before[2], "the voucher was not rotated");
});

test("a key that wears out is renewed without the person", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await page.click("#ask_parcels");
  await page.waitForSelector(".parcel");
  const before = await page.innerText("#parcels_key");
  await page.waitForTimeout(PARCELS_KEY_MS);
  await page.click("#ask_parcels");
  assert.match(await page.innerText("#notice"), /The parcel counter answered/);
  assert.match(await page.innerText("#journal .failed"), /takes the key no more: 401/);
  assert.notEqual(await page.innerText("#parcels_key"), before);
});

// proves: REVOKE-04
test("what the app gives back is not in anybody's hands any more", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await page.click("#access");
  assert.equal(await page.locator("button[value=narrow]").count(), 1);
  await page.goto(t.demo.mailroom);
  await page.click("#forget");
  await page.waitForSelector("#connect");
  assert.match(await page.innerText("#notice"), /gave back what it held/);
  await page.goto(`${t.demo.issuer}/account/access`);
  assert.equal(await page.locator("button[value=narrow]").count(), 0);
  assert.match(await page.innerText("main"), /Agreed to before/);
});

test("another account can be used from the consent page", async (t) => {
  const { page } = await openBrowser(t);
  await askWithMailroom(page, t.demo, ADA);
  await page.click("#switch_account");
  await signIn(page, GRACE);
  assert.equal(await page.innerText("#account"), GRACE.name);
  assert.match(await page.innerText("main"), /letters from the Navy/);
  assert.doesNotMatch(await page.innerText("main"), /letters from the bank/);
  await tickBoxes(page, ["box-1"]);
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
  assert.deepEqual((await readBoxes(page))["box-1"], ["Orders for Monday"]);
});

test("the dance works without JavaScript", async (t) => {
  const { page } = await openBrowser(t, { javaScriptEnabled: false });
  await askWithMailroom(page, t.demo, GRACE);
  await page.uncheck("#thing_box-1");
  await page.uncheck("#thing_box-2");
  await allow(page);
  await arriveAt(page, t.demo.mailroom);
  assert.match(await page.innerText("#box-1"), /Closed/);
  assert.match(await page.innerText("#box-3"), /Nothing in it/);
});

test("the dance works by keyboard alone", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(t.demo.mailroom);
  await tabTo(page, "connect");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#login");
  await page.keyboard.type(ADA.username);
  await tabTo(page, "password");
  await page.keyboard.type(ADA.password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#allow");
  for (const box of ["thing_box-2", "thing_box-3"]) {
    await tabTo(page, box);
    await page.keyboard.press("Space");
  }
  await tabTo(page, "allow");
  await page.keyboard.press("Enter");
  await arriveAt(page, t.demo.mailroom);
  assert.deepEqual(await readBoxes(page), { "box-1": ADAS_FIRST_BOX, "box-2": null, "box-3": null });
});

// Presses Tab until the element with this id has the focus, and shows that it can be seen to have it.
async function tabTo(page, id) {
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      const around = element.closest("label") ?? element;
      const outlined = [element, around].some((shown) => getComputedStyle(shown).outlineStyle !== "none");
      return { id: element.id, outlined };
    });
    if (focus.id !== id) continue;
    assert.ok(focus.outlined, `#${id} has the focus and does not show it`);
    return;
  }
  assert.fail(`#${id} cannot be reached by the Tab key`);
}
