// jose (npm), unmodified, as an API uses it: a remote key set that it remembers, while the keys behind it change.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { Suite } from "../harness/suite.js";
import { API, startWorld } from "../harness/world.js";
import { BASIC, LETTERS_BASIC, begin, discover, introspect, redeem, refresh } from "./oauth4webapi_flow.js";

// Half a minute unless an API says otherwise: here long enough for a command and a refresh on a busy machine. Nothing else of the
// library is changed.
const COOLDOWN_MS = 6_000;

export const suite = new Suite("jose", {
  all: async (name, disposers) => {
    const world = await startWorld(name);
    disposers.push(world.end);
    const as = await discover(world.issuer);
    const remembered = createRemoteJWKSet(new URL(as.jwks_uri), { cooldownDuration: COOLDOWN_MS });
    const verify = (token) => jwtVerify(token, remembered, { issuer: as.issuer, audience: API, typ: "at+jwt" });
    return { world, as, secret: world.secret, remembered, verify };
  },
});
const { test } = suite;

// proves: KEYS-02
test("a key that signs at once is found by its name, and tokens of the one before stay good", async (t) => {
  const before = await redeem(t, await begin(t, BASIC));
  const { protectedHeader: first } = await t.verify(before.access_token);
  // Of two keys that begin in one second the later is not the newer, so the next one begins a second after the first.
  await sleep(1_100);
  await t.remembered.reload();
  await t.world.command("key", "rotate", "--now");
  const after = await refresh(t, BASIC, before.refresh_token);
  // It was fetched a moment ago, and is not fetched for every token with a strange name.
  await assert.rejects(t.verify(after.access_token), errors.JWKSNoMatchingKey);
  await sleep(COOLDOWN_MS);
  const { protectedHeader: second } = await t.verify(after.access_token);
  assert.notEqual(second.kid, first.kid);
  await t.verify(before.access_token);
});

// proves: KEYS-03
test("a removed key is gone with the next request, and its tokens with it", async (t) => {
  const before = await redeem(t, await begin(t, BASIC));
  const { protectedHeader: removed } = await t.verify(before.access_token);
  await t.world.command("key", "remove", removed.kid, "--yes");
  const after = await refresh(t, BASIC, before.refresh_token);
  assert.deepEqual(await introspect(t, LETTERS_BASIC, before.access_token), { active: false });
  assert.equal((await introspect(t, LETTERS_BASIC, after.access_token)).active, true);
  await t.remembered.reload();
  await assert.rejects(t.verify(before.access_token), errors.JWKSNoMatchingKey);
  const { protectedHeader: next } = await t.verify(after.access_token);
  assert.notEqual(next.kid, removed.kid);
});

test("every key that is published says what it is for and signs under a name of its own", async (t) => {
  await t.world.command("key", "rotate");
  const { keys } = await (await fetch(t.as.jwks_uri)).json();
  assert.ok(keys.length >= 2, "the next key is not published before it signs");
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length);
  for (const key of keys) {
    assert.deepEqual([key.alg, key.use, key.d], ["ES256", "sig", undefined]);
    assert.ok(key.kid);
  }
});
