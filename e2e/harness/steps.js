// What a person does on grantd's pages, by the stable ids of their fields and buttons.

import assert from "node:assert/strict";

export async function signIn(page, person, password = person.password) {
  await page.fill("#username", person.username);
  await page.fill("#password", password);
  await page.click("#sign_in");
}

// Ticks exactly these boxes (`box-1`), whatever was ticked before.
export async function tickBoxes(page, boxes) {
  for (const box of await page.locator('input[name="thing"]').all()) {
    await box.setChecked(boxes.includes(await box.getAttribute("value")));
  }
}

export async function allow(page) {
  await page.click("#allow");
}

export async function deny(page) {
  await page.click("#deny");
}

// Until an app has the answer and shows its page. After an error the address still ends in the empty fragment that grantd sends (SESS-22).
export async function arriveAt(page, home) {
  await page.waitForURL((url) => url.href.replace(/#_$/, "") === `${home}/`);
}

// From Mailroom's home to the consent page.
export async function askWithMailroom(page, demo, person) {
  await page.goto(demo.mailroom);
  await page.click("#connect");
  await signIn(page, person);
  await page.waitForSelector("#allow");
}

// The whole dance with Mailroom, for one who is not signed in.
export async function connectMailroom(page, demo, person, boxes) {
  await askWithMailroom(page, demo, person);
  await tickBoxes(page, boxes);
  await allow(page);
  await arriveAt(page, demo.mailroom);
}

// The page of what apps may use, or the sign-in page before it.
export async function seeAccess(page, demo) {
  await page.goto(`${demo.issuer}/account/access`);
}

// What an app shows: for each box its letters, or null for one that it has not read.
export async function readBoxes(page) {
  await page.waitForSelector("#boxes .card");
  return page.locator("#boxes > section[id^='box-']").evaluateAll((sections) =>
    Object.fromEntries(
      sections.map((section) => {
        const closed = section.querySelector("button") !== null;
        return [section.id, closed ? null : [...section.querySelectorAll("li strong")].map((subject) => subject.textContent)];
      }),
    ),
  );
}

export function assertAt(page, url, what = "the page") {
  assert.equal(page.url().replace(/[?#].*$/, ""), url, `${what} is at the wrong address`);
}

export async function heading(page) {
  return (await page.locator("h1").first().textContent()).trim();
}
