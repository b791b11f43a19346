// A person in a browser of their own, without the browser: cookies, redirects, forms. What they do and see goes into the history.

import { createHash, randomBytes } from "node:crypto";
import { filled } from "../clients/person.js";
import { Lost, Unsent } from "./history.js";

const HOPS = 6;

export class Visitor {
  session = null;
  #history;
  #connections;
  #endpoints;
  #person;
  #cookies = new Map();
  // Where its requests go: what one operation does, it does at one node.
  #node = 0;
  static #sessions = 0;

  constructor({ history, connections, endpoints }, person) {
    this.#history = history;
    this.#connections = connections;
    this.#endpoints = endpoints;
    this.#person = person;
  }

  // A code for a client, with what it takes to redeem it; null if it came to nothing this time.
  async approve(client, { resource, scopes }) {
    if (!this.session && !(await this.signIn())) return null;
    this.#goSomewhere();
    const verifier = randomBytes(32).toString("base64url");
    const asked = { client: client.id, resource, scopes, person: this.#person.subject, session: this.session };
    let answer = await this.#ask(asked, question(client, { resource, scopes }, verifier));
    if (answer?.login) this.session = null;
    if (answer?.page) answer = await this.#allow(asked, answer);
    return answer?.code ? { code: answer.code, codeAt: Date.now(), verifier, resource } : null;
  }

  // On the page of what apps may use: all that this client has.
  async endApp(client) {
    return this.#changeAccess("end_app", client, {}, ({ page, at }, number) => this.#submit(page, at, `end_${number}`, { action: "end" }));
  }

  // Whatever else it has, only these scopes are left.
  async narrow(client, kept) {
    return this.#changeAccess("narrow", client, { kept }, ({ page, at }, number) => {
      if (!page.includes(`id="narrow_${number}_button"`)) return Unsent;
      const boxes = [...page.matchAll(/name="scope" value="([^"]*)"/g)].map(([, scope]) => scope);
      return this.#submit(page, at, `narrow_${number}`, { action: "narrow" }, boxes.filter((scope) => !kept.includes(scope)));
    });
  }

  async signOut() {
    if (!this.session) return;
    this.#goSomewhere();
    const shown = await this.#open("/logout");
    if (!shown.page?.includes('id="logout"')) return;
    const ended = await this.#perform({ kind: "sign_out", session: this.session }, async () => {
      const left = await this.#submit(shown.page, shown.at, "logout", { action: "sign_out" });
      return left.status ? { done: true } : left;
    });
    if (ended === Unsent) return;
    // Where it is not known to be over, nobody asks with it any more.
    this.#cookies.clear();
    this.session = null;
  }

  // Whether it came to that.
  async signIn() {
    this.#goSomewhere();
    const shown = await this.#open("/login");
    if (!shown.page?.includes('id="login"')) return false;
    const session = `${this.#person.subject} ${(Visitor.#sessions += 1)}`;
    const answer = await this.#perform({ kind: "sign_in", session }, async () => {
      const { username, password } = this.#person;
      const entered = await this.#submit(shown.page, shown.at, "login", { username, password, action: "sign_in" });
      if (!entered.status) return entered;
      if (entered.page.includes('id="login"')) throw new Error(`signing in was answered with the sign-in page:\n${entered.page}`);
      return { done: true };
    });
    if (answer?.done) this.session = session;
    return Boolean(answer?.done);
  }

  // Whether it is asked who the person is, or what the client may do, or neither.
  #ask(asked, url) {
    return this.#perform({ kind: "ask", ...asked }, async () => this.#seen(await this.#open(url)));
  }

  #allow(asked, { shown }) {
    return this.#perform({ kind: "allow", ...asked }, async () => {
      const answer = this.#seen(await this.#submit(shown.page, shown.at, "consent", { decision: "allow" }));
      return answer?.page || answer?.login ? { refused: true } : answer;
    });
  }

  #seen(answer) {
    if (answer === Unsent || answer === Lost) return answer;
    if (answer.away) {
      const parameters = new URL(answer.away).searchParams;
      return parameters.has("code") ? { code: this.#endpoints.keepCode(parameters.get("code")) } : { refused: true };
    }
    if (answer.page.includes('id="login"')) return { login: true };
    // Not enumerable, and so not printed: only that there is a page is part of the answer.
    if (answer.page.includes('id="consent"')) return Object.defineProperty({ page: true }, "shown", { value: answer });
    return { refused: true };
  }

  async #changeAccess(kind, client, about, submit) {
    if (!this.session) return;
    this.#goSomewhere();
    const shown = await this.#open("/account/access");
    const number = shown.page?.match(new RegExp(`id="end_(\\d+)_client" name="client" value="${client.id}"`))?.[1];
    if (number === undefined) return;
    await this.#perform({ kind, client: client.id, person: this.#person.subject, ...about }, async () => {
      const changed = await submit(shown, number);
      if (!changed.status) return changed;
      return changed.page.includes("Nothing was changed") ? { nothing: true } : { done: true };
    });
  }

  #perform(asked, send) {
    return this.#history.perform({ node: this.#node, ...asked }, send);
  }

  #goSomewhere() {
    this.#node = this.#connections.anyNode();
  }

  // Follows redirects inside grantd. `Unsent` only if the first of all requests was not sent.
  async #open(path, form, hops = HOPS) {
    const headers = { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (form) headers.origin = this.#connections.origin;
    const answer = await this.#connections.ask(this.#node, path, { method: form ? "POST" : "GET", form, headers });
    if (answer === Unsent) return hops === HOPS ? Unsent : Lost;
    if (answer === Lost) return Lost;
    this.#keep(answer.headers["set-cookie"] ?? []);
    const { location } = answer.headers;
    if (!location) return { status: answer.status, page: answer.text, at: path };
    const next = new URL(location, new URL(path, this.#connections.origin));
    if (next.origin !== this.#connections.origin) return { status: answer.status, away: location };
    return this.#open(next.href, undefined, hops - 1);
  }

  #submit(page, at, id, typed, unticked) {
    const { action, fields } = filled(page, id, typed, unticked);
    return this.#open(new URL(action, new URL(at, this.#connections.origin)).href, fields);
  }

  #keep(cookies) {
    for (const cookie of cookies) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

function question(client, { resource, scopes }, verifier) {
  const parameters = {
    client_id: client.id,
    redirect_uri: client.callback,
    response_type: "code",
    scope: scopes.join(" "),
    resource,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: randomBytes(16).toString("base64url"),
  };
  return `/authorize?${new URLSearchParams(parameters)}`;
}
