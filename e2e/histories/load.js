// What people, apps, APIs and an operator do to one server, all at once, until they are told to stop. They are honest, hasty, forgetful or
// thieves; whether what they are told is right is not theirs to judge (checker.js). Start reading at `Load`.

import { setTimeout as sleep } from "node:timers/promises";
import { API, CALLBACK, OPAQUE_API } from "../harness/world.js";
import { Lost, Unsent } from "./history.js";
import { Operator } from "./operator.js";
import { Visitor } from "./visitor.js";

export const WEB = { id: "web-basic", method: "basic", callback: CALLBACK };
// This one is switched off and on.
const SWITCHED = { id: "web-post", method: "post", callback: CALLBACK };
const SPA = { id: "spa", method: "none", callback: CALLBACK };
export const ROBOT = { id: "robot-basic", method: "basic" };
export const LETTERS = { id: "letters-basic", method: "basic" };

export const SIGNED = { resource: API, scopes: ["letters:read", "letters:send"] };
export const OPAQUE = { resource: OPAQUE_API, scopes: ["tickets:use"] };
const APPS = [[WEB, SIGNED], [SPA, SIGNED], [WEB, OPAQUE], [SWITCHED, SIGNED]];

// How long anybody waits between two things that they do.
const PAUSE_MS = 30;
const DOWN_MS = 15;
// How often a lost answer is asked for before an app is closed. Each time it is held back for longer (decision 0008).
const TRIES = 4;
// Tokens that are shown to an API now and then, the newest.
const REMEMBERED = 400;

export class Load {
  counts = {};
  families = [];
  #parties;
  #people;
  // Null where nobody stands at the command line.
  #operator;
  #visitors = [];
  #shown = [];
  #goesOn = true;

  constructor(parties, people, command) {
    this.#parties = parties;
    this.#people = people;
    this.#operator = command && new Operator(parties.history, command);
  }

  // How many use the server at once; signing in is slow, and is done before anything else.
  async arrive(apps) {
    this.#visitors = Array.from({ length: apps + 2 }, (_, index) => this.#visitor(index));
    await Promise.all(this.#visitors.map((visitor) => visitor.signIn()));
  }

  // Until `stop`, and what was begun is done.
  async run() {
    const [leaver, holder, ...visitors] = this.#visitors;
    const each = (count, body) => Array.from({ length: count }, (_, index) => this.#untilTheEnd(() => body(index)));
    await Promise.all([
      ...each(visitors.length, (index) => this.#oneFamily(visitors[index], index)),
      ...each(2, () => this.#askAboutAny()),
      ...each(2, () => this.#oneRobot()),
      ...each(1, () => this.#leave(leaver)),
      ...each(1, () => this.#takeBack(holder)),
      ...each(this.#operator ? 1 : 0, () => this.#operate()),
    ]);
  }

  stop() {
    this.#goesOn = false;
  }

  // Everything that anybody holds is shown once more, and what was spent at last: whatever was lost is missed now.
  async settle() {
    for (const family of this.families) {
      for (const tokens of family.tokens.slice(-3)) await this.#again(() => this.#parties.endpoints.introspectAccess(LETTERS, tokens));
      await this.#refresh(family);
      await this.#again(() => this.#redeem(family));
      await this.#again(() => this.#parties.endpoints.introspectAccess(LETTERS, family.tokens.at(-1)));
    }
  }

  #visitor(index) {
    const person = this.#people[index % this.#people.length];
    return Object.assign(new Visitor(this.#parties, person), { person });
  }

  async #untilTheEnd(body) {
    while (this.#goesOn) {
      await body();
      await sleep(PAUSE_MS * Math.random());
    }
  }

  // One app, from asking its person to the end of what it was given, or until it has had enough of it.
  async #oneFamily(visitor, index) {
    const [client, asked] = APPS[index % APPS.length];
    const approved = await visitor.approve(client, asked);
    if (!approved) return sleep(DOWN_MS);
    const family = { client, approved, person: visitor.person.subject, tokens: [], live: null, isOpen: true };
    const answers = await Promise.all(chance(0.1) ? [this.#redeem(family), this.#redeem(family)] : [this.#redeem(family)]);
    const given = answers.find((answer) => answer?.tokens);
    // Lost, and asked for again: it is spent, and what it gave is over (CODE-04). Or it never came.
    if (!given && !(await this.#again(() => this.#redeem(family)))?.tokens) return;
    this.families.push(family);
    this.#count(answers.length > 1 ? "codes_raced" : "codes_redeemed");
    const turns = 2 + Math.floor(8 * Math.random());
    for (let turn = 0; turn < turns && this.#goesOn && family.isOpen; turn += 1) {
      await this.#use(family);
      await sleep(PAUSE_MS * Math.random());
    }
    if (family.isOpen && this.#goesOn) await this.#endOf(family);
  }

  async #redeem(family) {
    const answer = await this.#parties.endpoints.redeem(family.client, family.approved);
    this.#keep(family, answer);
    return answer;
  }

  async #use(family) {
    const { endpoints } = this.#parties;
    const tokens = family.tokens.at(-1);
    if (chance(0.2)) await this.#raceToRefresh(family);
    else if (chance(0.15)) await this.#repeat(family);
    else if (chance(0.15)) {
      await endpoints.revoke(family.client, tokens.access, "access");
      this.#count("access_tokens_given_back");
      await endpoints.introspectAccess(LETTERS, tokens);
    } else await this.#refresh(family);
  }

  // As often as it takes to be told: a lost answer is asked for with the same token (REFRESH-10).
  async #refresh(family) {
    const shown = family.live;
    const answer = await this.#again(() => this.#parties.endpoints.refresh(family.client, shown));
    this.#traded(family, shown, answer, "refreshed");
  }

  // Which of the two is the last is not known, so the same is shown once more.
  async #raceToRefresh(family) {
    const shown = family.live;
    const answers = await Promise.all([1, 2].map(() => this.#parties.endpoints.refresh(family.client, shown)));
    for (const answer of answers) this.#remember(family, answer);
    const answer = await this.#again(() => this.#parties.endpoints.refresh(family.client, shown));
    this.#traded(family, shown, answer, "raced");
  }

  // As if the last answer had not arrived.
  async #repeat(family) {
    const shown = family.before;
    if (!shown) return;
    const answer = await this.#again(() => this.#parties.endpoints.refresh(family.client, shown));
    this.#traded(family, shown, answer, "repeated");
  }

  async #endOf(family) {
    const { endpoints } = this.#parties;
    const racing = chance(0.3) ? endpoints.refresh(family.client, family.live) : null;
    if (chance(0.3)) {
      await this.#again(() => endpoints.revoke(family.client, family.live, "refresh"));
      this.#count("grants_given_back");
    } else if (chance(0.3) && family.tokens.length > 3) {
      // A thief, with one that is older than any retry.
      await this.#again(() => endpoints.refresh(family.client, family.tokens[0].refresh));
      this.#count("thefts");
    } else if (this.#operator && chance(0.4) && family.tokens[0].grant) {
      await this.#operator.endGrant({ grant: family.tokens[0].grant, person: family.person, client: family.client.id });
      this.#count("ended_by_operator");
    }
    this.#remember(family, await racing);
    // Only who proves itself may ask.
    if (family.client.method !== "none") await endpoints.introspectRefresh(family.client, family.live);
  }

  async #askAboutAny() {
    const tokens = this.#shown[Math.floor(this.#shown.length * Math.random())];
    if (!tokens) return sleep(DOWN_MS);
    const answer = await this.#parties.endpoints.introspectAccess(LETTERS, tokens);
    if (answer === Unsent || answer === Lost) return sleep(DOWN_MS);
    this.#count(answer.active ? "seen_active" : "seen_inactive");
  }

  async #oneRobot() {
    const { endpoints } = this.#parties;
    const [{ resource, scopes }] = [chance(0.5) ? SIGNED : OPAQUE];
    const answer = await endpoints.credentials(ROBOT, resource, scopes.join(" "));
    if (!answer.tokens) return sleep(DOWN_MS);
    this.#shown.push(answer.tokens);
    if (chance(0.2)) await endpoints.revoke(ROBOT, answer.tokens.access, "access");
    this.#count("robots_served");
  }

  // A session that ends, with what was granted in it for as long as it lasts.
  async #leave(visitor) {
    for (let family = 0; family < 3; family += 1) await this.#oneFamily(visitor, 0);
    if (this.#goesOn) await visitor.signOut();
    this.#count("sessions_left");
  }

  async #takeBack(visitor) {
    await sleep(300 + 600 * Math.random());
    await visitor.approve(...APPS[0]);
    if (chance(0.5)) await visitor.narrow(WEB, ["letters:read", "tickets:use"]);
    else await visitor.endApp(WEB);
    this.#count("taken_back");
  }

  async #operate() {
    await sleep(1_000 + 1_000 * Math.random());
    if (chance(0.3)) return this.#removeKey();
    await this.#operator.disable(SWITCHED.id);
    await sleep(200 * Math.random());
    while ((await this.#operator.enable(SWITCHED.id)) === Lost) await sleep(DOWN_MS);
    this.#count("switched_off");
  }

  async #removeKey() {
    const newest = this.#shown.findLast(({ key }) => key);
    if (!newest) return;
    await this.#operator.removeKey(newest.key);
    this.#count("keys_removed");
  }

  // Until it is answered, or lost too often. A server that is down is back in a moment.
  async #again(ask) {
    for (let lost = 0; lost < TRIES; ) {
      const answer = await ask();
      if (answer !== Unsent && answer !== Lost) return answer;
      if (answer === Lost) lost += 1;
      await sleep(DOWN_MS);
    }
    this.#count("apps_closed");
    return null;
  }

  #traded(family, shown, answer, how) {
    this.#remember(family, answer);
    if (answer?.tokens) [family.before, family.live] = [shown, answer.tokens.refresh];
    // Over, switched off, or nobody waits for it any more. Its tokens are still shown at the end.
    else family.isOpen = false;
    this.#count(answer?.tokens ? how : "turned_away");
  }

  #keep(family, answer) {
    this.#remember(family, answer);
    family.live = answer?.tokens?.refresh ?? family.live;
  }

  #remember(family, answer) {
    if (!answer?.tokens) return;
    family.tokens.push(answer.tokens);
    this.#shown.push(answer.tokens);
    if (this.#shown.length > REMEMBERED) this.#shown.shift();
  }

  #count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

function chance(probability) {
  return Math.random() < probability;
}
