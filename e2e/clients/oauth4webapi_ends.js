// oauth4webapi (npm), unmodified: answers that are lost, refreshes that race, what ends a token, and what is told of it.

import assert from "node:assert/strict";
import { Suite } from "../harness/suite.js";
import { startLossyNetwork } from "../harness/lossy_network.js";
import { API, OPAQUE_API, PERSON, startWorld } from "../harness/world.js";
import {
  BASIC, LETTERS_BASIC, LETTERS_POST, PARCELS, POST, SPA, begin, discover, introspect, redeem, refresh, rejectsWith, revoke, validate,
} from "./oauth4webapi_flow.js";

export const suite = new Suite("oauth4webapi, the ends", {
  all: async (name, disposers) => {
    const network = await startLossyNetwork();
    disposers.push(network.end);
    const world = await startWorld(name, { network });
    disposers.push(world.end);
    return { world, network, as: await discover(world.issuer), secret: world.secret };
  },
});
const { test } = suite;
const INACTIVE = { active: false };

test("discovers where tokens are given back and asked about, and how", async ({ as, world }) => {
  for (const member of ["revocation_endpoint", "introspection_endpoint"]) assert.ok(as[member].startsWith(`${world.issuer}/`), member);
  assert.deepEqual(as.revocation_endpoint_auth_methods_supported.toSorted(), ["client_secret_basic", "client_secret_post", "none"]);
  assert.deepEqual(as.introspection_endpoint_auth_methods_supported.toSorted(), ["client_secret_basic", "client_secret_post"]);
  assert.deepEqual(as.introspection_signing_alg_values_supported, ["ES256"]);
});

for (const client of [BASIC, POST, SPA]) {
  // proves: REFRESH-10
  test(`a refresh whose answer was lost is repeated with the same token, by ${client.id}`, async (t) => {
    const { refresh_token: shown } = await obtain(t, client);
    const before = t.network.lost();
    t.network.loseAnswerOf(t.as.token_endpoint);
    await assert.rejects(refresh(t, client, shown), TypeError);
    assert.equal(t.network.lost(), before + 1, "the answer was not lost");
    const repeated = await refresh(t, client, shown);
    await validate(t, repeated.access_token, API);
    const next = await refresh(t, client, repeated.refresh_token);
    // Two generations back is no retry.
    await rejectsWith("invalid_grant", 400, refresh(t, client, shown));
    await rejectsWith("invalid_grant", 400, refresh(t, client, next.refresh_token));
  });

  // proves: REFRESH-08, REFRESH-11
  test(`of two refreshes at once both are answered, and the later answer counts, for ${client.id}`, async (t) => {
    const { refresh_token: shown } = await obtain(t, client);
    const arrived = [];
    const once = async () => arrived.push(await refresh(t, client, shown));
    await Promise.all([once(), once()]);
    const [replaced, counts] = arrived;
    assert.deepEqual(await introspect(t, LETTERS_BASIC, replaced.access_token), INACTIVE);
    assert.equal((await introspect(t, LETTERS_BASIC, counts.access_token)).active, true);
    const next = await refresh(t, client, counts.refresh_token);
    await rejectsWith("invalid_grant", 400, refresh(t, client, replaced.refresh_token));
    await rejectsWith("invalid_grant", 400, refresh(t, client, next.refresh_token));
  });

  // proves: REVOKE-01, REVOKE-04
  test(`a refresh token that ${client.id} gives back ends the whole grant`, async (t) => {
    const first = await obtain(t, client);
    const second = await refresh(t, client, first.refresh_token);
    assert.equal((await introspect(t, LETTERS_BASIC, first.access_token)).active, true);
    await revoke(t, client, second.refresh_token);
    for (const { access_token: token } of [first, second]) {
      assert.deepEqual(await introspect(t, LETTERS_BASIC, token), INACTIVE);
      assert.deepEqual(await introspect(t, LETTERS_POST, token, { signed: true }), INACTIVE);
    }
    await rejectsWith("invalid_grant", 400, refresh(t, client, second.refresh_token));
    // Over already, and still 200.
    await revoke(t, client, second.refresh_token);
  });

  test(`an access token that ${client.id} gives back ends alone`, async (t) => {
    const first = await obtain(t, client);
    const second = await refresh(t, client, first.refresh_token);
    await revoke(t, client, second.access_token);
    assert.deepEqual(await introspect(t, LETTERS_BASIC, second.access_token), INACTIVE);
    assert.equal((await introspect(t, LETTERS_BASIC, first.access_token)).active, true);
    const third = await refresh(t, client, second.refresh_token);
    assert.equal((await introspect(t, LETTERS_BASIC, third.access_token)).active, true);
  });
}

// proves: INTRO-04, INTRO-06
test("its API is told what an access token is good for, in JSON and signed", async (t) => {
  const { access_token: token } = await obtain(t, BASIC);
  const claims = await validate(t, token, API);
  for (const asker of [LETTERS_BASIC, LETTERS_POST]) {
    const told = await introspect(t, asker, token);
    const { active, token_type: type, ...said } = told;
    assert.deepEqual([active, type], [true, "Bearer"]);
    assert.deepEqual(said, { ...claims, aud: API }, "introspection and the token itself say two things");
    assert.deepEqual(await introspect(t, asker, token, { signed: true }), told);
  }
});

// proves: AT-07
test("an opaque access token tells its API the same through introspection, and ends as any", async (t) => {
  const tokens = await redeem(t, await begin(t, SPA, { resource: OPAQUE_API, scope: "tickets:use" }));
  assert.doesNotMatch(tokens.access_token, /\./);
  for (const signed of [false, true]) {
    const told = await introspect(t, LETTERS_BASIC, tokens.access_token, { signed });
    const { active, client_id: client, sub, aud, iss, scope } = told;
    assert.deepEqual([active, client, sub, aud, iss, scope], [true, "spa", PERSON.subject, OPAQUE_API, t.world.issuer, "tickets:use"]);
    assert.ok(told.exp > Date.now() / 1000);
  }
  const refreshed = await refresh(t, SPA, tokens.refresh_token);
  assert.equal((await introspect(t, LETTERS_POST, refreshed.access_token)).aud, OPAQUE_API);
  await revoke(t, SPA, tokens.access_token);
  assert.deepEqual(await introspect(t, LETTERS_BASIC, tokens.access_token), INACTIVE);
  assert.equal((await introspect(t, LETTERS_BASIC, refreshed.access_token)).active, true);
  await revoke(t, SPA, refreshed.refresh_token);
  assert.deepEqual(await introspect(t, LETTERS_BASIC, refreshed.access_token, { signed: true }), INACTIVE);
});

// proves: INTRO-05, REVOKE-07
test("a wrong hint, or one that nobody knows, changes nothing", async (t) => {
  for (const hint of ["refresh_token", "id_token", "access_token"]) {
    const tokens = await obtain(t, BASIC);
    assert.equal((await introspect(t, LETTERS_BASIC, tokens.access_token, { hint })).active, true);
    assert.equal((await introspect(t, BASIC, tokens.refresh_token, { hint })).active, true);
    await revoke(t, BASIC, tokens.access_token, hint);
    assert.deepEqual(await introspect(t, LETTERS_BASIC, tokens.access_token, { hint }), INACTIVE);
    await revoke(t, BASIC, tokens.refresh_token, hint);
    assert.deepEqual(await introspect(t, BASIC, tokens.refresh_token, { hint }), INACTIVE);
  }
});

// proves: INTRO-02, INTRO-03, INTRO-08
test("of garbage, and of what is not theirs, everybody is told the same", async (t) => {
  const tokens = await obtain(t, BASIC);
  const [header, payload, signature] = tokens.access_token.split(".");
  const garbage = ["x", "é \u0000 +%", `${header}.${payload}.${signature.slice(0, -4)}AAAA`, `${header}.${payload}.`, `${tokens.access_token} `,
    tokens.refresh_token.slice(0, -1), `${tokens.refresh_token}A`, "a".repeat(20_000)];
  const anothers = [[PARCELS, tokens.access_token], [BASIC, tokens.access_token], [LETTERS_BASIC, tokens.refresh_token], [POST, tokens.refresh_token]];
  for (const signed of [false, true]) {
    for (const token of garbage) assert.deepEqual(await introspect(t, LETTERS_BASIC, token, { signed }), INACTIVE, token);
    for (const [asker, token] of anothers) assert.deepEqual(await introspect(t, asker, token, { signed }), INACTIVE, asker.id);
  }
  assert.equal((await introspect(t, LETTERS_BASIC, tokens.access_token)).active, true);
  assert.equal((await introspect(t, BASIC, tokens.refresh_token)).active, true);
});

// proves: REVOKE-02, REVOKE-03
test("what is garbage or another client's is not revoked, and the answer is the same 200", async (t) => {
  const tokens = await obtain(t, BASIC);
  for (const token of ["x", "é \u0000 +%", tokens.access_token, tokens.refresh_token]) {
    for (const client of [POST, SPA]) await revoke(t, client, token);
  }
  assert.equal((await introspect(t, LETTERS_BASIC, tokens.access_token)).active, true);
  await refresh(t, BASIC, tokens.refresh_token);
});

// proves: INTRO-01
test("whoever has no secret, or a wrong one, neither asks nor revokes, and is told why", async (t) => {
  const tokens = await obtain(t, BASIC);
  const wrong = (client) => ({ ...client, authentication: () => client.authentication("wrong") });
  await rejectsWith("invalid_client", 401, introspect(t, SPA, tokens.access_token));
  await rejectsWith("invalid_client", 401, introspect(t, wrong(LETTERS_POST), tokens.access_token));
  await rejectsWith("invalid_client", 401, revoke(t, wrong(POST), tokens.access_token));
  // With Basic the library stops at the challenge that RFC 6749 §5.2 wants with it.
  const asks = [
    () => introspect(t, wrong(LETTERS_BASIC), tokens.access_token),
    () => revoke(t, wrong(BASIC), tokens.refresh_token),
  ];
  for (const ask of asks) {
    await assert.rejects(ask, (error) => error.status === 401 && error.cause[0].scheme === "basic");
  }
  await refresh(t, BASIC, tokens.refresh_token);
});

async function obtain(t, client) {
  return redeem(t, await begin(t, client));
}
