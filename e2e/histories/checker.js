// Could a server that does one thing after the other have given these answers? Start reading at `judge`.
//
// A history is taken apart into objects (objects.js): one grant, one consent, one session, one key. Of each there is a description of what
// it answers when it is asked one question at a time (grant.js and its siblings), written from the catalogue and from nothing that the
// server does. An operation happens at one moment between its question and its answer; which one is free. One without an answer happens at
// one moment before it was known to be gone, or never. If no choice of moments explains all answers, one of them is a lie: something that
// was acknowledged is lost, or something that ended is back.
//
// The search is the known one for linearizability: all states that the object can be in are carried along, and an operation is put in its
// place only when its answer, or another's, asks for it.

import assert from "node:assert/strict";
import { givenTwice, objectsOf } from "./objects.js";

// Every lie that is found, at most one an object; an empty list if all can be believed.
export function judge(history) {
  return [...givenTwice(history.events), ...objectsOf(history.events).map(refute).filter((lie) => lie !== null)];
}

// Null if the object explains its events, or what does not fit.
export function refute({ name, events, initial, next }) {
  let worlds = keyed([{ state: initial, done: [] }]);
  const open = [];
  for (const [index, { type, operation }] of events.entries()) {
    if (type === "invoke") {
      open.push(operation);
      continue;
    }
    const happened = ends(worlds, open, operation, next);
    worlds = keyed([...happened, ...(type === "gone" ? worlds.values() : [])].map((world) => forget(world, operation)));
    open.splice(open.indexOf(operation), 1);
    if (worlds.size === 0) return { name, operation, trail: events.slice(0, index + 1).map(told) };
  }
  return null;
}

// All worlds in which `last` has happened, after any of the others that are open.
function ends(worlds, open, last, next) {
  const found = [];
  const seen = new Set(worlds.keys());
  const waiting = [...worlds.values()];
  for (let world = waiting.pop(); world; world = waiting.pop()) {
    if (world.done.includes(last.id)) {
      found.push(world);
      continue;
    }
    for (const operation of possible(world, open)) {
      for (const state of next(world.state, operation, operation.answer)) {
        const after = { state, done: [...world.done, operation.id].sort((one, other) => one - other) };
        const key = JSON.stringify(after);
        if (seen.has(key)) continue;
        seen.add(key);
        waiting.push(after);
      }
    }
  }
  return found;
}

// Of several alike without an answer, as a client repeats itself, the first: whatever one of the later explains, it explains as well.
function possible({ done }, open) {
  const seen = new Set();
  return open.filter((operation) => {
    if (done.includes(operation.id)) return false;
    if (operation.answer !== null) return true;
    const wanted = whatIsWanted(operation);
    return !seen.has(wanted) && seen.add(wanted);
  });
}

const wants = new WeakMap();

function whatIsWanted(operation) {
  const { id, node, state, answer, invokedAt, answeredAt, goneAt, codeAt, ...asked } = operation;
  if (!wants.has(operation)) wants.set(operation, JSON.stringify(asked));
  return wants.get(operation);
}

function forget({ state, done }, operation) {
  return { state, done: done.filter((id) => id !== operation.id) };
}

function keyed(worlds) {
  return new Map(worlds.map((world) => [JSON.stringify(world), world]));
}

function told({ type, operation: { id, node, kind, answer, state, invokedAt, answeredAt, goneAt, ...asked } }) {
  if (type === "invoke") return `${id} ${kind} ${JSON.stringify(asked)}`;
  return type === "gone" ? `${id} ${kind} is gone` : `${id} ${kind} = ${JSON.stringify(answer)}`;
}

export function assertBelievable(history) {
  const lies = judge(history);
  assert.ok(lies.length === 0, `${lies.length} lies in ${history.events.length} events; ${describe(lies)}`);
}

// As lines for a report; of a long history the end.
export function describe(lies) {
  return lies.slice(0, 3).map(({ name, operation, trail }) => {
    return `${name}: ${operation.kind} was answered ${JSON.stringify(operation.answer)}, which nothing explains:\n  ${trail.slice(-40).join("\n  ")}`;
  }).join("\n\n");
}
