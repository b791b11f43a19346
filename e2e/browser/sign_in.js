// The sign-in page as people use it, and misuse it.

import assert from "node:assert/strict";
import { openBrowser } from "../harness/browser.js";
import { ADA, withDemo } from "../harness/demo.js";
import { allow, arriveAt, assertAt, connectMailroom, heading, readBoxes, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

export const suite = new Suite("sign in", { each: withDemo });
const { test } = suite;

test("a wrong password is said to be wrong, and the right one goes on", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(`${t.demo.mailroom}/login`);
  await signIn(page, ADA, "difference engine");
  assert.match(await page.innerText("#problem"), /do not fit together/);
  assert.equal(await page.inputValue("#username"), ADA.username, "the username was forgotten");
  assert.equal(await page.inputValue("#password"), "", "the password was sent back");
  await page.fill("#password", ADA.password);
  await page.click("#sign_in");
  await page.waitForSelector("#allow");
});

// proves: LOGIN-01
test("an unknown user reads the same words as a wrong password", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(`${t.demo.mailroom}/login`);
  await signIn(page, ADA, "wrong");
  const known = await page.innerText("main");
  await signIn(page, { username: "nobody", password: "wrong" });
  assert.equal(await page.innerText("main"), known);
});

test("the session cookie is made at sign-in, hidden from scripts, and gone after signing out", async (t) => {
  const { context, page } = await openBrowser(t);
  await page.goto(`${t.demo.mailroom}/login`);
  const before = await context.cookies(t.demo.issuer);
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  const after = await context.cookies(t.demo.issuer);
  const made = after.filter((cookie) => !before.some((old) => old.name === cookie.name));
  assert.equal(made.length, 1, "exactly one cookie is made at sign-in");
  assert.ok(after.every((cookie) => cookie.httpOnly && cookie.sameSite === "Lax" && cookie.path === "/"));
  assert.equal(await page.evaluate(() => document.cookie), "");

  await page.goto(`${t.demo.issuer}/`);
  assert.equal(await page.innerText("#account"), ADA.name);
  await page.click("form button");
  await page.waitForURL(`${t.demo.issuer}/logout`);
  const left = await context.cookies(t.demo.issuer);
  assert.ok(!left.some((cookie) => cookie.name === made[0].name), "the session cookie is still there");
  await page.goto(`${t.demo.mailroom}/login`);
  await page.waitForSelector("#login");
});

// proves: SESS-05, SESS-06
test("a form on another site signs nobody in and out", async (t) => {
  const { page } = await openBrowser(t);
  await connectMailroom(page, t.demo, ADA, ["box-1"]);
  // Mailroom's origin plays the other site, without the policy that keeps its own pages from doing this.
  for (const [path, fields] of [["/logout", {}], ["/login", ADA]]) {
    await page.route(`${t.demo.mailroom}/attack`, (route) => route.fulfill({ contentType: "text/html", body: attack(t.demo.issuer + path, fields) }));
    await page.goto(`${t.demo.mailroom}/attack`);
    const [response] = await Promise.all([page.waitForResponse((got) => got.request().method() === "POST"), page.click("button")]);
    assert.equal(response.status(), 403, `${path} took a form of another site`);
    await page.unroute(`${t.demo.mailroom}/attack`);
  }
  await page.goto(`${t.demo.issuer}/`);
  assert.equal(await page.innerText("#account"), ADA.name, "the person was signed out");
});

function attack(action, fields) {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  return `<!doctype html><form method="post" action="${action}">${inputs.join("")}<button>Win a prize</button></form>`;
}

// proves: SESS-03
test("a link to another browser's request leads nowhere", async (t) => {
  const first = await openBrowser(t);
  await first.page.goto(`${t.demo.mailroom}/login`);
  const link = first.page.url();
  const second = await openBrowser(t);
  const response = await second.page.goto(link);
  assert.equal(response.status(), 400);
  assert.equal(await heading(second.page), "This request has ended");
  await signIn(first.page, ADA);
  await tickBoxes(first.page, ["box-1"]);
  await allow(first.page);
  await arriveAt(first.page, t.demo.mailroom);
  assert.ok((await readBoxes(first.page))["box-1"]);
});

// proves: LOGIN-04
test("after many wrong passwords the page asks to wait, for the right one too", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(`${t.demo.mailroom}/login`);
  let throttled = false;
  for (let attempt = 0; attempt < 12 && !throttled; attempt += 1) {
    await signIn(page, ADA, "wrong");
    throttled = /too many attempts/i.test(await page.innerText("#problem"));
  }
  assert.ok(throttled, "twelve wrong passwords in a row were all compared");
  await signIn(page, ADA);
  assert.match(await page.innerText("#problem"), /too many attempts/i);
  assertAt(page, `${t.demo.issuer}/login`);
});
