// Takes a history apart into what can be judged alone: each grant, each token of a client for itself, each consent, each session. An
// operation is told under the names of what it concerns, and an object hears all that is told under its own: a client that is switched
// off ends many grants, to each of them within the same two moments.

import * as clientToken from "./client_token.js";
import * as consent from "./consent.js";
import * as grant from "./grant.js";
import * as session from "./session.js";

export function objectsOf(events) {
  const of = roots(events);
  const objects = new Map();
  const hearers = new Map();
  for (const { operation } of events) {
    for (const { name, described, hears } of bornOf(operation)) {
      if (objects.has(name)) continue;
      const object = { name, ...described, events: [] };
      objects.set(name, object);
      for (const topic of hears) {
        if (!hearers.has(topic)) hearers.set(topic, []);
        hearers.get(topic).push(object);
      }
    }
  }
  for (const event of events) {
    if (isNothing(event.operation)) continue;
    const hearing = new Set(topics(event.operation, of).flatMap((topic) => hearers.get(topic) ?? []));
    for (const object of hearing) object.events.push(event);
  }
  return [...objects.values()];
}

// A question without an answer, which changes nothing.
function isNothing({ kind, answer }) {
  return answer === null && (kind === "introspect" || kind === "ask");
}

function* bornOf({ kind, answer, person, client, session: signedIn }) {
  if (answer?.code) {
    const hears = [`code ${answer.code}`, `app ${person} ${client}`, `client ${client}`, `signing out ${signedIn}`, "keys"];
    yield { name: `grant of code ${answer.code}`, described: grant, hears };
  }
  if (kind === "credentials" && answer?.tokens) {
    const hears = [`token ${answer.tokens.access}`, `client ${client}`, "keys"];
    yield { name: `client token ${answer.tokens.access}`, described: clientToken, hears };
  }
  if (kind === "ask" || kind === "allow") {
    const hears = [`consent ${person} ${client}`, `app ${person} ${client}`, `client ${client}`];
    yield { name: `consent of ${person} to ${client}`, described: consent, hears };
  }
  if (kind === "sign_in") yield { name: `session ${signedIn}`, described: session, hears: [`session ${signedIn}`] };
}

function topics({ kind, answer, code, token, person, client, session: signedIn, grant: named }, of) {
  switch (kind) {
    case "ask":
      return [`consent ${person} ${client}`, `session ${signedIn}`, `code ${answer?.code}`];
    case "allow":
      return [`consent ${person} ${client}`, `code ${answer?.code}`];
    case "redeem":
      return [`code ${code}`];
    case "refresh":
    case "revoke":
    case "introspect":
      return [`code ${of.code.get(token)}`, `token ${token}`];
    case "credentials":
      return [`token ${answer?.tokens?.access}`];
    case "end_grant":
      return [`code ${of.grant.get(named)}`, `consent ${person} ${client}`];
    case "end_app":
    case "narrow":
      return [`app ${person} ${client}`];
    case "disable":
    case "enable":
      return [`client ${client}`];
    case "sign_in":
      return [`session ${signedIn}`];
    case "sign_out":
      return [`session ${signedIn}`, `signing out ${signedIn}`];
    case "remove_key":
      return ["keys"];
    default:
      throw new Error(`nobody knows what ${kind} concerns`);
  }
}

// From which code a token comes, and which code a grant began with.
function roots(events) {
  const of = { code: new Map(), grant: new Map() };
  for (const { type, operation } of events) {
    const { code, token, answer } = operation;
    if (type !== "answer" || !answer.tokens) continue;
    const root = code ?? of.code.get(token);
    for (const name of [answer.tokens.access, answer.tokens.refresh]) of.code.set(name, root);
    if (answer.tokens.grant) of.grant.set(answer.tokens.grant, root);
  }
  return of;
}

// Tokens and codes that were answered to two questions.
export function givenTwice(events) {
  const seen = new Set();
  const twice = [];
  for (const { type, operation } of events) {
    if (type !== "answer") continue;
    const { code, tokens } = operation.answer;
    for (const name of [code, tokens?.access, tokens?.refresh].filter(Boolean)) {
      if (seen.has(name)) twice.push({ name, operation, trail: [] });
      seen.add(name);
    }
  }
  return twice;
}
