// A person without a browser: keeps cookies, follows redirects inside grantd, fills its forms, and hands over the first address that leads
// away from it, as the system hands it to the app.

import assert from "node:assert/strict";

export class Person {
  #cookies = new Map();
  #issuer;
  #who;

  constructor(issuer, { username, password }) {
    this.#issuer = new URL(issuer).origin;
    this.#who = { username, password };
  }

  // Opens an authorization request, signs in if asked, unticks what `unticked` names (the values of boxes), and allows or denies.
  async decide(url, { decision = "allow", unticked = [] } = {}) {
    let at = await this.#open(url);
    if (at.page?.includes('id="login"')) at = await this.#submit(at, "login", { ...this.#who, action: "sign_in" }, []);
    if (at.page?.includes('id="consent"')) at = await this.#submit(at, "consent", { decision }, unticked);
    assert.ok(at.away, `grantd shows a page (${at.status}) where it should answer the client:\n${at.page}`);
    return new URL(at.away);
  }

  // Opens an address that must end on a page of grantd, and gives its status and text.
  async read(url) {
    const at = await this.#open(url);
    assert.ok(!at.away, `the browser was sent to ${at.away}`);
    return at;
  }

  async #open(url, form) {
    const response = await fetch(url, {
      method: form ? "POST" : "GET",
      body: form,
      redirect: "manual",
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "), ...(form ? { origin: this.#issuer } : {}) },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (!location) return { status: response.status, url: String(url), page: await response.text() };
    // Byte for byte as it was sent: parsing could hide what a client must see.
    if (!location.startsWith("/") && new URL(location).origin !== this.#issuer) return { away: location };
    return this.#open(new URL(location, url));
  }

  #submit(at, id, typed, unticked) {
    const { action, fields } = filled(at.page, id, typed, unticked);
    return this.#open(new URL(action, at.url), fields);
  }
}

// A form of a page as it is sent: what is hidden, what is ticked, and what is typed.
export function filled(page, id, typed, unticked = []) {
  const [, attributes, inside] = page.match(new RegExp(`<form([^>]*id="${id}"[^>]*)>(.*?)</form>`, "s"));
  const fields = new URLSearchParams();
  for (const [input] of inside.matchAll(/<input[^>]*>/g)) {
    const kept = input.includes('type="hidden"') || (/ checked/.test(input) && !unticked.includes(attribute(input, "value")));
    if (kept) fields.append(attribute(input, "name"), attribute(input, "value"));
  }
  for (const [name, value] of Object.entries(typed)) fields.set(name, value);
  return { action: attribute(attributes, "action"), fields };
}

function attribute(tag, name) {
  const [, value] = tag.match(new RegExp(`${name}="([^"]*)"`));
  return value.replace(/&#(\d+);/g, (_, digits) => String.fromCodePoint(digits)).replace(/&quot;/g, '"').replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}
