// Every page of grantd, in light and dark, on a desktop and on a phone: looked at by axe-core, by the browser's policy, and photographed.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import axe from "axe-core";
import { question } from "../harness/app.js";
import { DESKTOP, PHONE, openBrowser } from "../harness/browser.js";
import { ADA, GRACE, withDemo } from "../harness/demo.js";
import { SCREENSHOTS } from "../harness/places.js";
import { allow, askWithMailroom, connectMailroom, heading, seeAccess, signIn } from "../harness/steps.js";
import { Suite } from "../harness/suite.js";

export const suite = new Suite("every page", {
  all: async (name, disposers) => {
    await mkdir(SCREENSHOTS, { recursive: true });
    return withDemo(name, disposers);
  },
});
const { test } = suite;

// How a browser comes to each page, and what it is headed.
const PAGES = {
  sign_in: ["Sign in", (page, demo) => page.goto(`${demo.mailroom}/login`)],
  sign_in_wrong: ["Sign in", async (page, demo) => {
    await page.goto(`${demo.mailroom}/login`);
    await signIn(page, ADA, "wrong");
  }],
  sign_in_empty: ["Sign in", async (page, demo) => {
    await page.goto(`${demo.mailroom}/login`);
    await page.evaluate(() => document.querySelectorAll("[required]").forEach((field) => field.removeAttribute("required")));
    await page.click("#sign_in");
  }],
  consent: ["What may Mailroom use?", (page, demo) => askWithMailroom(page, demo, ADA)],
  consent_nothing_ticked: ["What may Mailroom use?", async (page, demo) => {
    await askWithMailroom(page, demo, GRACE);
    for (const box of await page.locator("input[type=checkbox]").all()) await box.uncheck();
    await allow(page);
    await page.waitForSelector("#problem");
  }],
  consent_native: ["What may PostKeeper use?", async (page, demo) => {
    await page.goto(`${demo.postkeeper}/login`);
    await signIn(page, ADA);
    await page.waitForSelector("#unassured");
  }],
  home_signed_out: ["Here you decide what apps may use", (page, demo) => page.goto(demo.issuer)],
  home_signed_in: ["Here you decide what apps may use", async (page, demo) => {
    await askWithMailroom(page, demo, GRACE);
    await page.goto(demo.issuer);
    await page.waitForSelector("#sign_out");
  }],
  sign_out: ["Sign out?", async (page, demo) => {
    await askWithMailroom(page, demo, GRACE);
    await page.goto(`${demo.issuer}/logout`);
  }],
  signed_out: [/signed out/i, (page, demo) => page.goto(`${demo.issuer}/logout`)],
  access: ["What apps may use", async (page, demo) => {
    await connectMailroom(page, demo, ADA, ["box-1", "box-2"]);
    await seeAccess(page, demo);
  }],
  access_narrowed: ["What apps may use", async (page, demo) => {
    await connectMailroom(page, demo, GRACE, ["box-1", "box-2"]);
    await seeAccess(page, demo);
    await page.getByLabel("Box 2").uncheck();
    await page.click("#narrow_0_button");
    await page.waitForSelector("#notice");
    await page.click("#end_all_question");
  }],
  access_nothing: ["What apps may use", async (page, demo) => {
    await seeAccess(page, demo);
    await signIn(page, ADA);
    await page.click("#end_all_question");
    await page.click("#end_all_button");
    await page.waitForSelector("#no_access");
  }],
  wrong_redirect_uri: ["This request cannot be answered", (page, demo) =>
    page.goto(question(demo.issuer, { client_id: "mailroom", redirect_uri: `${demo.mailroom}/calback` }).url)],
  unknown_client: ["This request cannot be answered", (page, demo) =>
    page.goto(question(demo.issuer, { client_id: "nobody", redirect_uri: "https://app.example/callback" }).url)],
  ended: ["This request has ended", (page, demo) => page.goto(`${demo.issuer}/consent?request=unknown`)],
  forged: [/./, async (page, demo) => {
    await page.goto(`${demo.mailroom}/login`);
    await page.evaluate(() => (document.querySelector("#csrf").value = "forged"));
    await signIn(page, ADA);
  }],
  not_found: [/./, (page, demo) => page.goto(`${demo.issuer}/nothing-here`)],
};

for (const [name, [headed, reach]] of Object.entries(PAGES)) {
  test(`${name} can be read by everybody, fits every screen, and asks nobody else`, async (t) => {
    const { page, seen } = await openBrowser(t);
    await reach(page, t.demo);
    assert.match(await heading(page), headed instanceof RegExp ? headed : new RegExp(`^${escaped(headed)}$`));
    for (const colorScheme of ["light", "dark"]) {
      for (const [screen, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.screenshot({ path: `${SCREENSHOTS}/${name}_${colorScheme}_${screen}.png`, fullPage: true });
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(tooWide, 0, `the page is ${tooWide} px too wide on a ${screen}`);
      }
      await assertAccessible(page, colorScheme);
    }
    assert.deepEqual(seen.complaints, []);
    const strangers = seen.requests.map((request) => new URL(request.url()).origin).filter((origin) => !Object.values(t.demo).includes(origin));
    assert.deepEqual(strangers, [], "something was asked of another origin");
  });
}

// proves: SESS-07
test("the policy of the pages stops scripts, pictures, forms, frames and bases that somebody smuggles in", async (t) => {
  for (const name of ["sign_in", "consent", "ended", "home_signed_out"]) {
    const { page } = await openBrowser(t);
    await PAGES[name][1](page, t.demo);
    const stopped = await page.evaluate(smuggle);
    assert.deepEqual(stopped, ["base-uri", "connect-src", "form-action", "frame-src", "img-src", "script-src-elem", "style-src-elem"], name);
  }
});

// proves: SESS-07
test("no page of grantd can be put into a frame of another site", async (t) => {
  const { page } = await openBrowser(t);
  await page.route(`${t.demo.mailroom}/frame`, (route) => route.fulfill({ contentType: "text/html", body: `<iframe src="${t.demo.issuer}/"></iframe>` }));
  await page.goto(`${t.demo.mailroom}/frame`);
  await page.waitForTimeout(300);
  const frame = page.frames().find((frame) => frame !== page.mainFrame());
  assert.ok(!(await frame.content()).includes("Here you decide"), "the page is shown in the frame");
});

async function assertAccessible(page, colorScheme) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const said = violations.flatMap((violation) => violation.nodes.map((node) => `${violation.impact}: ${violation.help}: ${node.html}`));
  assert.deepEqual(said, [], `axe-core, ${colorScheme}`);
}

// Runs in the page: everything that a hole in it would let somebody add. Gives the directives that stopped something:
// each of the seven sorts, or what there is after five seconds.
async function smuggle() {
  const stopped = new Set();
  document.addEventListener("securitypolicyviolation", (event) => stopped.add(event.effectiveDirective));
  const elsewhere = "https://attacker.example/";
  const add = (name, attributes, text = "") => {
    const element = Object.assign(document.createElement(name), attributes);
    element.append(text);
    document.body.append(element);
    return element;
  };
  add("script", {}, "globalThis.smuggled = true");
  add("img", { src: `${elsewhere}pixel` });
  add("link", { rel: "stylesheet", href: `${elsewhere}style` });
  add("iframe", { src: elsewhere });
  add("base", { href: elsewhere });
  add("form", { action: elsewhere, method: "post" }).submit();
  await fetch(elsewhere).catch(() => {});
  for (let wait = 0; wait < 50 && stopped.size < 7; wait += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  if (globalThis.smuggled) stopped.add("the script ran");
  return [...stopped].sort();
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
