// What passes through the browser, and what stays in it: addresses, history, referrers, pages, the server's own output.

import assert from "node:assert/strict";
import { question, startApp } from "../harness/app.js";
import { openBrowser } from "../harness/browser.js";
import { ADA, withDemo } from "../harness/demo.js";
import { allow, arriveAt, signIn, tickBoxes } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";
import { API, PERSON, startWorld } from "../harness/world.js";

const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;

export const suite = new Suite("front channel", {
  all: async (name, disposers) => {
    const app = await startApp();
    disposers.push(app.end);
    const world = await startWorld(name, { settings: '[log]\nlevel = "trace"\n\n' });
    disposers.push(world.end);
    return { app, world };
  },
  each: withDemo,
});
const { test } = suite;

// proves: SESS-21
test("after the dance neither history nor address nor page holds a code or a token", async (t) => {
  for (const home of [t.demo.mailroom, t.demo.postcard]) {
    const { context, page, seen } = await openBrowser(t);
    await dance(page, home);
    const code = codeOf(seen);
    const history = await (await context.newCDPSession(page)).send("Page.getNavigationHistory");
    const stays = history.entries.map((entry) => entry.url);
    assert.ok(stays.length > 2, "there is no history to look at");
    assert.deepEqual(stays.filter((url) => url.includes(code) || url.includes("/callback")), []);
    assert.ok(!(await page.content()).includes(code), "the app's page shows the code");
    for (const document of await Promise.all(seen.documents)) {
      assert.doesNotMatch(document?.text ?? "", JWT, `a token stands in ${document?.url}`);
    }
    for (const request of seen.requests) assert.doesNotMatch(decodeURIComponent(request.url()), JWT, "a token stands in an address");
  }
});

// proves: SESS-20
test("no request says that it came from grantd, and no app learns it from its page", async (t) => {
  for (const home of [t.demo.mailroom, t.demo.postcard]) {
    const { page, seen } = await openBrowser(t);
    const referrers = [];
    await page.exposeFunction("tellReferrer", (referrer) => referrers.push(referrer));
    await page.addInitScript(() => tellReferrer(document.referrer));
    await dance(page, home);
    for (const request of seen.requests) {
      const { referer = "" } = await request.allHeaders();
      assert.ok(!referer.startsWith(t.demo.issuer), `${request.url()} was told ${referer}`);
    }
    assert.ok(referrers.length > 2);
    assert.deepEqual(referrers.filter((referrer) => referrer !== ""), []);
  }
});

// proves: REDIR-13
test("every form of grantd is answered by 303, so that no browser posts a password onwards", async (t) => {
  const { page, seen } = await openBrowser(t);
  await dance(page, t.demo.mailroom);
  const forms = seen.responses.filter((response) => response.request().method() === "POST" && response.url().startsWith(t.demo.issuer));
  assert.deepEqual(forms.map((response) => [new URL(response.url()).pathname, response.status()]), [["/login", 303], ["/consent", 303]]);
});

// proves: SESS-10
test("nothing of the flow is kept by the browser", async (t) => {
  const { page, seen } = await openBrowser(t);
  await dance(page, t.demo.mailroom);
  const flow = seen.responses.filter((response) => /\/(authorize|login|consent)$/.test(new URL(response.url()).pathname));
  assert.ok(flow.length >= 5);
  for (const response of flow) assert.equal(response.headers()["cache-control"], "no-store", response.url());
});

// proves: SESS-22
test("an error at the app carries no fragment that was in the address before", async (t) => {
  const { page } = await openBrowser(t);
  const asked = question(t.demo.issuer, { client_id: "mail-cli", redirect_uri: t.app.callback, code_challenge_method: "plain" });
  await page.goto(`${asked.url}#access_token=planted`);
  await page.waitForURL((url) => url.href.startsWith(t.app.callback));
  assert.match(page.url(), /[?&]error=invalid_request/);
  assert.equal(new URL(page.url()).hash, "#_");
});

// proves: LOG-01
test("what grantd writes down, asked for every detail, holds no secret", async (t) => {
  const { context, page } = await openBrowser(t);
  const asked = question(t.world.issuer, { client_id: "desktop", redirect_uri: t.app.callback, scope: "letters:read", resource: API });
  await page.goto(asked.url);
  await signIn(page, PERSON);
  await allow(page);
  await page.waitForURL((url) => url.href.startsWith(t.app.callback));
  const code = new URL(page.url()).searchParams.get("code");
  const tokens = await redeem(t.world.issuer, { code, redirect_uri: t.app.callback, code_verifier: asked.verifier });
  const cookies = await context.cookies(t.world.issuer);
  assert.ok(cookies.length >= 2, "there is no session to keep secret");
  const secrets = [code, asked.verifier, tokens.access_token, tokens.refresh_token, PERSON.password, ...cookies.map((cookie) => cookie.value)];
  const output = t.world.output();
  assert.match(output, /"path":"\/authorize"/, "it wrote nothing down");
  for (const secret of secrets) assert.ok(!output.includes(secret), "a secret stands in the output");
});

async function redeem(issuer, parameters) {
  const body = new URLSearchParams({ grant_type: "authorization_code", client_id: "desktop", ...parameters });
  const response = await fetch(`${issuer}/token`, { method: "POST", body });
  assert.equal(response.status, 200);
  return response.json();
}

async function dance(page, home) {
  await page.goto(home);
  await page.click("#connect");
  await signIn(page, ADA);
  await page.waitForSelector("#allow");
  await tickBoxes(page, ["box-1"]);
  await allow(page);
  await arriveAt(page, home);
  await page.waitForSelector("#boxes .card");
}

function codeOf(seen) {
  const callback = seen.requests.map((request) => new URL(request.url())).find((url) => url.searchParams.has("code"));
  return callback.searchParams.get("code");
}
