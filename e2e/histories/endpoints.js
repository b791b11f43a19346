// The endpoints that programs talk to. Every question, and what was answered, goes into the history.

import { Lost, Unsent } from "./history.js";

export class Endpoints {
  #history;
  #connections;
  #secret;
  // The secrets behind the names in the history.
  #secrets;

  constructor(history, connections, secret, secrets = new Map()) {
    this.#secrets = secrets;
    this.anyNode = () => connections.anyNode();
    this.#history = history;
    this.#connections = connections;
    this.#secret = secret;
  }

  // The same at one node, for who does not leave it to chance.
  at(node) {
    return Object.assign(new Endpoints(this.#history, this.#connections, this.#secret, this.#secrets), { anyNode: () => node });
  }

  redeem(client, { code, codeAt, verifier, resource }) {
    const form = { grant_type: "authorization_code", code: this.#secrets.get(code), redirect_uri: client.callback, code_verifier: verifier, resource };
    return this.#perform({ kind: "redeem", client: client.id, code, codeAt }, "/token", client, form, (body) => this.#tokens(body));
  }

  refresh(client, token) {
    const form = { grant_type: "refresh_token", refresh_token: this.#secrets.get(token) };
    return this.#perform({ kind: "refresh", client: client.id, token }, "/token", client, form, (body) => this.#tokens(body));
  }

  credentials(client, resource, scope) {
    const form = { grant_type: "client_credentials", resource, scope };
    return this.#perform({ kind: "credentials", client: client.id }, "/token", client, form, (body) => this.#tokens(body));
  }

  revoke(client, token, of) {
    return this.#perform({ kind: "revoke", client: client.id, token, of }, "/revoke", client, { token: this.#secrets.get(token) }, () => ({ done: true }));
  }

  // `tokens` as they were answered; `asker` an API, or their client.
  introspectAccess(asker, { access, scopes, key }) {
    return this.#introspect(asker, access, { of: "access", scopes, key });
  }

  introspectRefresh(client, token) {
    return this.#introspect(client, token, { of: "refresh" });
  }

  // What the browser brought is kept under a name as well.
  keepCode(code) {
    return this.#name("c", code);
  }

  #introspect(asker, token, about) {
    const read = ({ active, scope }) => (active ? { active, scopes: scopesOf(scope) } : { active });
    return this.#perform({ kind: "introspect", client: asker.id, token, ...about }, "/introspect", asker, { token: this.#secrets.get(token) }, read);
  }

  #perform(asked, path, client, form, read) {
    const node = this.anyNode();
    return this.#history.perform({ node, ...asked }, async () => {
      const answer = await this.#connections.ask(node, path, { method: "POST", ...this.#authenticated(client, form) });
      if (answer === Lost || answer === Unsent) return answer;
      const body = answer.text ? JSON.parse(answer.text) : {};
      if (answer.status === 200) return read(body);
      if (answer.status === 400 && body.error === "invalid_grant") return { refused: true };
      if (body.error === "invalid_client") return { unauthorized: true };
      throw new Error(`${asked.kind} was answered ${answer.status} ${answer.text}`);
    });
  }

  #authenticated(client, form) {
    if (client.method === "none") return { form: new URLSearchParams({ ...form, client_id: client.id }) };
    if (client.method === "post") return { form: new URLSearchParams({ ...form, client_id: client.id, client_secret: this.#secret }) };
    const basic = Buffer.from(`${client.id}:${this.#secret}`).toString("base64");
    return { form: new URLSearchParams(form), headers: { authorization: `Basic ${basic}` } };
  }

  #tokens({ access_token: access, refresh_token: refresh, scope }) {
    const isSigned = access.includes(".");
    const part = (index) => JSON.parse(Buffer.from(access.split(".")[index], "base64url"));
    return {
      tokens: {
        access: this.#name("a", access),
        refresh: refresh && this.#name("r", refresh),
        scopes: scopesOf(scope),
        // A token names its grant: the part of `jti` before the dot.
        ...(isSigned ? { key: part(0).kid, grant: part(1).jti.split(".")[0] } : {}),
      },
    };
  }

  #name(letter, secret) {
    const name = this.#history.name(letter, secret);
    this.#secrets.set(name, secret);
    return name;
  }
}

function scopesOf(text) {
  return text.split(" ").sort();
}
