// The endpoints as a patient program sees them: whoever is cut off, or told to come later, sends the same again until it is answered.

import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 45_000;

export class Endpoints {
  // How many requests ended without an answer.
  cutOff = 0;
  #as;
  #secret;

  constructor(as, secret) {
    this.#as = as;
    this.#secret = secret;
  }

  // The tokens, or null where the answer is invalid_grant. `cutOff` says whether it had to be repeated.
  async refresh(client, refreshToken) {
    const { status, body, cutOff } = await this.#post("token_endpoint", client, { grant_type: "refresh_token", refresh_token: refreshToken });
    if (status === 200) return { ...body, cutOff };
    if (status === 400 && body.error === "invalid_grant") return null;
    throw new Error(`a refresh was answered ${status} ${JSON.stringify(body)}`);
  }

  async revoke(client, token) {
    const { status, body } = await this.#post("revocation_endpoint", client, { token });
    if (status !== 200) throw new Error(`a revocation was answered ${status} ${JSON.stringify(body)}`);
  }

  async isActive(asker, token) {
    const { status, body } = await this.#post("introspection_endpoint", asker, { token });
    if (status !== 200) throw new Error(`an introspection was answered ${status} ${JSON.stringify(body)}`);
    return body.active;
  }

  async #post(endpoint, client, form) {
    const late = Date.now() + PATIENCE_MS;
    for (let cutOff = false; ; ) {
      const answer = await this.#once(endpoint, client, form);
      if (answer && answer.status !== 503 && answer.status !== 429) return { ...answer, cutOff };
      if (Date.now() > late) throw new Error(`${endpoint} is silent: ${JSON.stringify(answer)}`);
      if (!answer) {
        cutOff = true;
        this.cutOff += 1;
      }
      await sleep(answer ? 1000 : 50);
    }
  }

  async #once(endpoint, client, form) {
    try {
      const body = new URLSearchParams(form);
      const headers = new Headers();
      await client.authentication(this.#secret)(this.#as, { client_id: client.id }, body, headers);
      const response = await fetch(this.#as[endpoint], { method: "POST", headers, body });
      const text = await response.text();
      return { status: response.status, body: text && JSON.parse(text) };
    } catch (error) {
      if (error instanceof TypeError) return null;
      throw error;
    }
  }
}
