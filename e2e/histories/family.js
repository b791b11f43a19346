// One grant and its tokens, and the app that holds them. Start reading at `live`.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { LETTERS_BASIC, SPA } from "../clients/oauth4webapi_flow.js";

// What becomes of it: it goes on to the end, its app gives it back, or a thief shows a token that was traded in.
export const Fate = { GOES_ON: "goes on", GIVEN_BACK: "given back", STOLEN: "stolen" };

export class Family {
  counts = { refreshed: 0, raced: 0, repeated: 0, access_tokens_given_back: 0, grants_given_back: 0, thefts: 0, shown_after_the_end: 0 };
  ended = null;
  #endpoints;
  #client;
  #fate;
  // The refresh token that lives, and the one that it came of.
  #live;
  #before = null;
  #older = null;
  // Every token that was ever answered, and the access tokens that a 200 ended.
  #refreshTokens = new Set();
  #accessTokens = new Set();
  #over = new Set();

  constructor(endpoints, client, tokens, fate, seconds) {
    this.#endpoints = endpoints;
    this.#client = client;
    this.#fate = { what: fate, at: Date.now() + seconds * 1000 * (0.3 + 0.5 * Math.random()) };
    this.#keep(tokens);
    this.#live = tokens;
    // A token names its grant: the part of `jti` before the dot.
    this.grant = JSON.parse(Buffer.from(tokens.access_token.split(".")[1], "base64url")).jti.split(".")[0];
  }

  async live(until) {
    while (Date.now() < until) {
      if (this.ended) await this.#staysOver();
      else if (this.#older && this.#fate.what !== Fate.GOES_ON && Date.now() > this.#fate.at) await this.#end();
      else await this.#goOn();
      await sleep(20 + 60 * Math.random());
    }
  }

  // What must hold at the end, whatever happened.
  async settle() {
    for (const token of this.#over) await this.#assertOver(token);
    if (this.#client !== SPA) {
      const live = await this.#activeOf(this.#refreshTokens);
      assert.deepEqual(live, this.ended ? [] : [this.#live.refresh_token], `${this.#title()}: its live refresh tokens are wrong`);
    }
    if (this.ended) {
      for (const token of this.#accessTokens) await this.#assertOver(token);
      await this.#staysOver();
    } else {
      assert.ok(await this.#endpoints.isActive(LETTERS_BASIC, this.#live.access_token), `${this.#title()}: its access token was forgotten`);
      await this.#refresh(1);
      await this.#refresh(1);
    }
  }

  async #goOn() {
    const chance = Math.random();
    if (chance < 0.15 && this.#before) await this.#repeat();
    else if (chance < 0.25) await this.#giveAccessTokenBack();
    else await this.#refresh(chance < 0.6 ? 2 : 1);
  }

  // `times` requests with the live token at once. Of more than one, or if one was cut off, what came last need not be what was given last:
  // then the same token is shown once more, alone, and what comes of it lives.
  async #refresh(times) {
    const shown = this.#live;
    const answers = await Promise.all(Array.from({ length: times }, () => this.#show(shown)));
    const alone = times === 1 && !answers[0].cutOff;
    [this.#older, this.#before] = [this.#before, shown];
    this.#live = alone ? answers[0] : await this.#show(shown);
    this.counts[alone ? "refreshed" : "raced"] += 1;
    await this.#assertOneLives(answers);
  }

  // As if the answer had been lost: the one before, while nobody used what it was traded for.
  async #repeat() {
    const replaced = this.#live;
    this.#live = await this.#show(this.#before);
    this.counts.repeated += 1;
    await this.#assertOneLives([replaced]);
  }

  async #assertOneLives(replaced) {
    const others = replaced.filter((tokens) => tokens !== this.#live);
    for (const { access_token: token } of others) await this.#assertOver(token);
    if (this.#client === SPA) return;
    const all = [...others.map((tokens) => tokens.refresh_token), this.#before.refresh_token, this.#live.refresh_token];
    assert.deepEqual(await this.#activeOf(all), [this.#live.refresh_token], `${this.#title()}: not one token lives`);
  }

  async #giveAccessTokenBack() {
    const { access_token: token } = this.#live;
    await this.#endpoints.revoke(this.#client, token);
    this.#over.add(token);
    await this.#assertOver(token);
    this.counts.access_tokens_given_back += 1;
    await this.#refresh(1);
  }

  // A refresh races with the end: it is answered before, or refused after, and nothing of it works then.
  async #end() {
    const racing = this.#endpoints.refresh(this.#client, this.#live.refresh_token);
    if (this.#fate.what === Fate.GIVEN_BACK) {
      await this.#endpoints.revoke(this.#client, this.#live.refresh_token);
      this.counts.grants_given_back += 1;
    } else {
      assert.equal(await this.#endpoints.refresh(this.#client, this.#older.refresh_token), null, `${this.#title()}: a theft was answered`);
      this.counts.thefts += 1;
    }
    this.ended = this.#fate.what;
    await this.#staysOver();
    const answered = await racing;
    if (answered) this.#keep(answered);
  }

  async #staysOver() {
    const [refreshToken, accessToken] = [oneOf(this.#refreshTokens), oneOf(this.#accessTokens)];
    assert.equal(await this.#endpoints.refresh(this.#client, refreshToken), null, `${this.#title()}: it lives again`);
    await this.#assertOver(accessToken);
    this.counts.shown_after_the_end += 1;
  }

  async #show(tokens) {
    const answer = await this.#endpoints.refresh(this.#client, tokens.refresh_token);
    assert.ok(answer, `${this.#title()}: its app was logged out`);
    this.#keep(answer);
    return answer;
  }

  async #assertOver(accessToken) {
    assert.equal(await this.#endpoints.isActive(LETTERS_BASIC, accessToken), false, `${this.#title()}: an access token that ended works`);
  }

  async #activeOf(refreshTokens) {
    const active = [];
    for (const token of refreshTokens) if (await this.#endpoints.isActive(this.#client, token)) active.push(token);
    return active;
  }

  #keep(tokens) {
    this.#refreshTokens.add(tokens.refresh_token);
    this.#accessTokens.add(tokens.access_token);
  }

  #title() {
    return `a family of ${this.#client.id} that ${this.#fate.what === Fate.GOES_ON ? "" : "is "}${this.#fate.what}`;
  }
}

function oneOf(set) {
  return [...set][Math.floor(Math.random() * set.size)];
}
