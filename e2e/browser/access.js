// The page on which people see what they let apps do, and take it back.

import assert from "node:assert/strict";
import { openBrowser } from "../harness/browser.js";
import { ADA, GRACE, withDemo } from "../harness/demo.js";
import { assertAt, connectMailroom, heading, readBoxes, seeAccess, signIn } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

export const suite = new Suite("access", { each: withDemo });
const { test } = suite;

// proves: CONSENT-05
test("a box that is taken back is closed to the app's next key, and the app goes on", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1", "box-2"]);
  assert.ok((await readBoxes(page))["box-2"], "box 2 is open at first");

  await seeAccess(page, t.demo);
  const words = await page.innerText("main");
  for (const word of ["Mailroom", "a program on this computer", "just now", "also while you are away", "Lockboxes", "Box 1",
    "letters from the bank", "Box 2", "read the letters", "See which boxes you have"]) {
    assert.ok(words.includes(word), `the page does not say ${JSON.stringify(word)}:\n${words}`);
  }
  assert.ok(!words.includes("Box 3"), "it names a box that was never shared");
  await page.getByLabel("Box 2").uncheck();
  await page.click("#narrow_0_button");
  await page.waitForSelector("#notice");
  assert.match(await page.innerText("#notice"), /goes on with what is left/);
  assert.equal(await page.getByLabel("Box 2").count(), 0);
  await page.reload();
  assert.equal(await page.getByLabel("Box 1").isChecked(), true);

  // What it has read, it has read; the key that it has already is as good as before, and the next one is not.
  await page.goto(t.demo.mailroom);
  assert.match(await tryToOpen(page, "box-2"), /is open/);
  await page.click("#refresh_lockbox");
  await page.waitForSelector("#boxes .card");
  assert.match(await tryToOpen(page, "box-2"), /refused box-2/);
  assert.match(await tryToOpen(page, "box-1"), /is open/);
});

// Mailroom offers to try a box that it has not read: this has it try another.
async function tryToOpen(page, box) {
  await page.locator("#open_box-3").evaluate((button, box) => (button.form.elements.identifier.value = box), box);
  await page.click("#open_box-3");
  await page.waitForURL((url) => url.pathname === "/");
  return page.innerText("#notice");
}

// proves: CONSENT-05
test("an app whose access was ended holds nothing that works, and has to ask again", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await seeAccess(page, t.demo);
  await page.click("#end_0_button");
  await page.waitForSelector("#notice");
  assert.match(await page.innerText("main"), /No app may use anything of yours now/);
  await page.goto(t.demo.mailroom);
  await page.click("#refresh_lockbox");
  await page.waitForSelector("#notice.bad");
  await page.goto(`${t.demo.mailroom}/login`);
  await page.waitForSelector("#allow");
});

test("everything is ended without JavaScript, after a question", async (t) => {
  const { page } = await openBrowser(t, { javaScriptEnabled: false });
  await connectMailroom(page, t.demo, GRACE, ["box-2"]);
  await seeAccess(page, t.demo);
  assert.equal(await page.isVisible("#end_all_button"), false, "the button stands there without a question");
  await page.click("#end_all_question");
  await page.click("#end_all_button");
  await page.waitForSelector("#no_access");
  assert.match(await page.innerText("#notice"), /No app has access any more/);
});

test("a box is taken back by keyboard alone", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1", "box-2"]);
  await seeAccess(page, t.demo);
  await tabTo(page, "[name=thing]");
  await page.keyboard.press("Space");
  await tabTo(page, "#narrow_0_button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#notice");
  assert.equal(await page.getByLabel("Box 1").count(), 0);
  assert.equal(await page.getByLabel("Box 2").isChecked(), true);
});

test("whoever comes by themselves signs in and is shown where else they are signed in", async (t) => {
  const there = await openBrowser(t);
  await connectMailroom(there.page, t.demo, ADA, ["box-1"]);
  const { page } = await openBrowser(t);
  await page.goto(t.demo.issuer);
  await page.click("#access");
  await signIn(page, ADA);
  assertAt(page, `${t.demo.issuer}/account/access`);
  assert.match(await page.innerText("main"), /in one other/);
  await page.click("#elsewhere_button");
  await page.waitForSelector("#notice");
  assert.match(await page.innerText("main"), /Only here, in this browser/);
  await seeAccess(there.page, t.demo);
  assert.equal(await heading(there.page), "Sign in");
  await signIn(there.page, GRACE);
  assertAt(there.page, `${t.demo.issuer}/account/access`);
  assert.doesNotMatch(await there.page.innerText("main"), /letters from the bank/);
});

test("a page that is left open after signing out takes nothing back", async (t) => {
  const { context, page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  await seeAccess(page, t.demo);
  const other = await context.newPage();
  await other.goto(`${t.demo.issuer}/logout`);
  await other.click("#sign_out");
  await other.waitForURL(`${t.demo.issuer}/logout`);
  await page.click("#end_0_button");
  await page.waitForLoadState();
  assert.equal(await heading(page), "Nothing was changed");
  await seeAccess(other, t.demo);
  await signIn(other, ADA);
  assert.equal(await other.getByLabel("Box 1").isChecked(), true);
});

// Presses Tab until the element has the focus, and shows that it can be seen to have it.
async function tabTo(page, selector) {
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate((wanted) => {
      const element = document.activeElement;
      const around = element.closest("label") ?? element;
      return { there: element.matches(wanted), outlined: [element, around].some((shown) => getComputedStyle(shown).outlineStyle !== "none") };
    }, selector);
    if (!focus.there) continue;
    assert.ok(focus.outlined, `${selector} has the focus and does not show it`);
    return;
  }
  assert.fail(`${selector} cannot be reached by the Tab key`);
}
