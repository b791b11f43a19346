// Apps without an origin: called back at a port of this computer, or by a private-use URI scheme that another app has claimed as well.

import assert from "node:assert/strict";
import { question, startApp } from "../harness/app.js";
import { openBrowser } from "../harness/browser.js";
import { ADA, withDemo } from "../harness/demo.js";
import { grantdBinary } from "../harness/places.js";
import { start } from "../harness/processes.js";
import { allow, heading, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

const SCHEME_CALLBACK = "com.example.postkeeper:/callback";

export const suite = new Suite("native apps", {
  all: async (_, disposers) => {
    const app = await startApp();
    disposers.push(app.end);
    return { app };
  },
  each: withDemo,
});
const { test } = suite;

// proves: REDIR-02, NATIVE-02
test("the answer reaches the port on which the app listens, whichever it is", async (t) => {
  const { page } = await openBrowser(t);
  const asked = ask(t);
  await page.goto(asked.url);
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  assert.match(await page.innerText("#answer_to"), /this computer/i);
  await tickBoxes(page, ["box-1"]);
  await allow(page);
  await page.waitForURL((url) => url.href.startsWith(t.app.callback));
  const answer = new URL(page.url()).searchParams;
  assert.equal(answer.get("state"), asked.state);
  assert.equal(answer.get("iss"), t.demo.issuer);
  const tokens = await redeem(t.demo.issuer, { code: answer.get("code"), redirect_uri: t.app.callback, code_verifier: asked.verifier });
  assert.deepEqual(tokens.authorization_details.map((detail) => detail.identifier), ["box-1"]);
});

// proves: NATIVE-06
test("the app on the command line takes its answer at a port of its own, reads the box and closes the door", async (t) => {
  const args = ["demo", "--native", "--issuer", t.demo.issuer, "--lockbox", `${t.demo.lockbox}/boxes`];
  const isReady = (written) => written.match(/Waiting for the answer on (\S+)/) && written;
  const cli = await start("native_apps_command_line", grantdBinary(), args, { isReady, cwd: t.demo.directory });
  t.closers.push({ close: cli.end });
  const [address] = cli.ready.match(/http:\S+\/authorize\S+/);
  const [door] = cli.ready.match(/http:\/\/127\.0\.0\.1:\d+(?=\/callback )/);
  const { page } = await openBrowser(t);
  await page.goto(address);
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  await tickBoxes(page, ["box-2"]);
  await allow(page);
  await page.waitForURL((url) => url.origin === door);
  assert.match(await page.innerText("#notice"), /The app has its answer/);
  assert.equal(await cli.ended, 0);
  assert.match(cli.output(), /box-2\s+Dr Somerville: The results of your examination/);
  assert.doesNotMatch(cli.output(), /box-1/);
  await assert.rejects(fetch(door), "somebody still listens");
});

// proves: CONSENT-03, NATIVE-05
test("a native app is asked for each time, and the page warns that any program could be it", async (t) => {
  const { page } = await openBrowser(t);
  for (const time of ["first", "second"]) {
    await page.goto(ask(t).url);
    if (time === "first") await signIn(page, ADA);
    await page.waitForSelector("#allow");
    assert.match(await page.innerText("#unassured"), /Did you just start this app yourself/);
    await allow(page);
    await page.waitForURL((url) => url.href.startsWith(t.app.callback));
  }
});

// proves: REDIR-02, REDIR-03, REDIR-10
test("another path, another host or another name of this computer gets a page and no redirect", async (t) => {
  const { page } = await openBrowser(t);
  const port = new URL(t.app.origin).port;
  for (const redirectUri of [`${t.app.origin}/other`, `http://localhost:${port}/callback`, `http://127.1:${port}/callback`, `${t.app.callback}?x=1`]) {
    const response = await page.goto(ask(t, redirectUri).url);
    assert.equal(response.status(), 400);
    assert.equal(await heading(page), "This request cannot be answered");
    assert.match(await page.innerText(".developer"), /They part at character \d+/);
  }
});

// proves: PKCE-04, CODE-09
test("the rogue app that gets PostKeeper's code cannot use it, and PostKeeper still can", async (t) => {
  const { page, context } = await openBrowser(t);
  await page.goto(t.demo.postkeeper);
  await page.click("#connect");
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  assert.match(await page.innerText("#answer_to"), /com\.example\.postkeeper/);
  await tickBoxes(page, ["box-1"]);
  // No app on this machine has claimed the scheme, so the browser stays where it is; the address is in the answer to the form.
  const [response] = await Promise.all([page.waitForResponse((got) => got.request().method() === "POST"), allow(page)]);
  const address = response.headers().location;
  assert.ok(address.startsWith(`${SCHEME_CALLBACK}?code=`), address);

  const phone = await context.newPage();
  await phone.goto(t.demo.postkeeper);
  await phone.fill("#address", address);
  await phone.click("#give_rogue");
  await phone.waitForSelector("#attempts");
  assert.match(await phone.innerText("#notice"), /cannot use it/);
  const attempts = await phone.locator("#attempts li").evaluateAll((items) => items.map((item) => item.className));
  assert.ok(attempts.length > 0 && attempts.every((verdict) => verdict === "failed"), attempts.join());

  await phone.goto(t.demo.postkeeper);
  await phone.fill("#address", address);
  await phone.click("#give_postkeeper");
  assert.match(await phone.innerText("#notice"), /traded the code/);
  assert.match(await phone.innerText("#letters"), /Your statement for November/);
});

function ask({ demo, app }, redirectUri = app.callback) {
  return question(demo.issuer, {
    client_id: "mail-cli",
    redirect_uri: redirectUri,
    scope: "boxes:list",
    resource: `${demo.lockbox}/boxes`,
    authorization_details: JSON.stringify([{ type: "lockbox", actions: ["read"] }]),
  });
}

async function redeem(issuer, parameters) {
  const body = new URLSearchParams({ grant_type: "authorization_code", client_id: "mail-cli", ...parameters });
  const response = await fetch(`${issuer}/token`, { method: "POST", body });
  return response.json();
}
