// One grant, from its code to its end, as the catalogue describes it when nobody else is there. Start reading at `next`.
//
// An operation gives the states that it may lead to, with the answer that it got; without an answer, with any. None: the answer is
// impossible here. `code` is none, fresh or spent; `over`, that nothing of it works; `leaf`, the refresh token that lives, `access` what came
// with it, and `before` the one that it was traded for, between two moments.

import { isOfTheSecondOfTheEnd } from "./second.js";

export const initial = {
  code: "none", over: false, off: false, offUntil: null, scopes: [], leaf: null, access: null, before: null, traded: null, dead: [], removed: [],
};
// How long a refresh token that comes back is a retry (lifetimes.lost_response, as crashes.js sets it), and how sure clocks are of it.
export const LOST_RESPONSE_MS = 60_000;
const ABOUT_MS = 2_500;
// The name of tokens that were given in an answer that nobody heard.
const NOBODYS = "?";
// A code that is older than this may have expired (60 s, CODE-02).
const CODE_IS_FRESH_MS = 50_000;

export function next(state, operation, answer) {
  return operations[operation.kind](state, operation, answer);
}

const operations = {
  // A code that was answered. The grant does not exist before, so that what ended others does not end it.
  ask: approved,
  allow: approved,

  // CODE-03, CODE-04.
  redeem(state, operation, answer) {
    if (state.off) return unauthorized(state, answer);
    const states = [];
    if (state.code === "fresh" && !state.over && fits(answer, "tokens") && isWhole(state, answer)) {
      states.push(...issued({ ...state, code: "spent" }, operation, answer));
    }
    if (fits(answer, "refused")) {
      if (state.code === "spent" || state.over) states.push({ ...state, code: "spent", over: true });
      else if (operation.invokedAt - operation.codeAt > CODE_IS_FRESH_MS) states.push(state);
    }
    return states;
  },

  // REFRESH-08 to REFRESH-11.
  refresh(state, operation, answer) {
    if (state.off) return unauthorized(state, answer);
    if (state.over) return fits(answer, "refused") ? [state] : [];
    if (operation.token === state.leaf) return rotated(state, operation, answer, now(operation));
    const states = [];
    const { isSurelyRetry, isSurelyTheft } = retry(state, operation);
    // The one that it was traded for was not used, or it would not be the leaf; it ends with its access token.
    if (!isSurelyTheft) states.push(...rotated(withDead(state, state.access), operation, answer, state.traded, state.before));
    if (!isSurelyRetry && fits(answer, "refused")) states.push({ ...state, over: true });
    return states;
  },

  // REVOKE-04. An access token ends alone, a refresh token with everything.
  revoke(state, { token, of }, answer) {
    if (state.off) return unauthorized(state, answer);
    return [of === "refresh" ? { ...state, over: true } : withDead(state, token)];
  },

  // INTRO-04 for an API, and for a client about its own refresh token.
  introspect(state, { token, of, key, scopes }, answer) {
    const lives = of === "refresh" ? token === state.leaf : !state.dead.includes(token) && !state.removed.includes(key);
    const isActive = lives && !state.over;
    const left = of === "refresh" ? answer.scopes : scopes.filter((scope) => state.scopes.includes(scope));
    if (of === "refresh" && state.off) return unauthorized(state, answer);
    return answer.active === isActive && (!isActive || same(answer.scopes, left)) ? [state] : [];
  },

  end_grant: ended,
  end_app: ended,
  sign_out: ended,

  // What is not kept is gone; of which nothing is left ends.
  narrow(state, { kept }, answer) {
    if (answer?.nothing) return [state];
    const scopes = state.scopes.filter((scope) => kept.includes(scope));
    return [state.code === "none" ? state : { ...state, scopes, over: state.over || scopes.length === 0 }];
  },

  disable: (state, { answeredAt }) => [{ ...state, off: true, offUntil: answeredAt ?? Infinity, over: state.over || state.code !== "none" }],
  enable: (state) => [{ ...state, off: false }],

  // KEYS-03.
  remove_key: (state, { key }) => [{ ...state, removed: [...new Set([...state.removed, key])].sort() }],
};

function approved(state, operation, answer) {
  if (state.code !== "none" || state.off || !answer?.code) return [];
  const given = { ...state, code: "fresh", scopes: operation.scopes };
  return isOfTheSecondOfTheEnd(state, operation) ? [given, { ...given, over: true }] : [given];
}

// What does not exist yet does not end.
function ended(state, _, answer) {
  if (answer?.nothing) return [state];
  return [state.code === "none" ? state : { ...state, over: true }];
}

// The leaf is traded for what was answered, or for what nobody knows.
function rotated(state, operation, answer, traded, before = operation.token) {
  if (!fits(answer, "tokens") || !isWhole(state, answer)) return [];
  return issued({ ...state, before, traded }, operation, answer);
}

// Without an answer they are nobody's.
function issued(state, operation, answer) {
  const { refresh, access } = answer?.tokens ?? { refresh: NOBODYS, access: NOBODYS };
  const given = { ...state, leaf: refresh, access };
  return isOfTheSecondOfTheEnd(state, operation) ? [given, withDead(given, access)] : [given];
}

// All that is left of it, no more, and under no name that was given before.
function isWhole(state, answer) {
  if (!answer) return true;
  const { tokens } = answer;
  const isNew = tokens.refresh !== state.leaf && tokens.refresh !== state.before && tokens.access !== state.access;
  return isNew && !state.removed.includes(tokens.key) && same(tokens.scopes, state.scopes);
}

// Only the one before the leaf, and for so long; the moment of the trade is known as well as its answer allows.
function retry(state, operation) {
  if (operation.token !== state.before) return { isSurelyTheft: true };
  const { from, to } = now(operation);
  const [least, most] = [from - state.traded.to, to - state.traded.from];
  return { isSurelyRetry: most < LOST_RESPONSE_MS - ABOUT_MS, isSurelyTheft: least > LOST_RESPONSE_MS + ABOUT_MS };
}

function now({ invokedAt, answeredAt, goneAt }) {
  return { from: invokedAt, to: answeredAt ?? goneAt ?? Infinity };
}

// A client that is switched off is told nothing about its tokens (a public one: that it is unknown), and nothing happens.
function unauthorized(state, answer) {
  return fits(answer, "unauthorized") ? [state] : [];
}

// What nobody was given, nobody asks about.
function withDead(state, token) {
  if (token === NOBODYS) return state;
  return { ...state, dead: [...new Set([...state.dead, token])].sort() };
}

function fits(answer, kind) {
  return answer === null || kind in answer;
}

function same(one, other) {
  return one.length === other.length && one.every((scope) => other.includes(scope));
}
