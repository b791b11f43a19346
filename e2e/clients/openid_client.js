// openid-client (npm), unmodified, as a plain OAuth client.

import assert from "node:assert/strict";
import * as client from "openid-client";
import { startLossyNetwork } from "../harness/lossy_network.js";
import { Suite } from "../harness/suite.js";
import { Person } from "./person.js";
import { API, LOOPBACK_CALLBACK, OPAQUE_API, PERSON, PLAIN_CALLBACK, startWorld } from "../harness/world.js";

export const suite = new Suite("openid-client", {
  all: async (name, disposers) => {
    const network = await startLossyNetwork();
    disposers.push(network.end);
    const world = await startWorld(name, { network });
    disposers.push(world.end);
    const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] };
    const discover = (id, authentication) => client.discovery(new URL(world.issuer), id, undefined, authentication, options);
    return { world, network, discover };
  },
});
const { test } = suite;

const BASIC = { id: "web-basic", authentication: (secret) => client.ClientSecretBasic(secret), callback: PLAIN_CALLBACK };
const POST = { id: "web-post", authentication: (secret) => client.ClientSecretPost(secret), callback: PLAIN_CALLBACK };
const DESKTOP = { id: "desktop", authentication: () => client.None(), callback: LOOPBACK_CALLBACK };

for (const app of [BASIC, POST, DESKTOP]) {
  test(`code, key and rotated refresh token for ${app.id}`, async (t) => {
    const { config, answer, checks } = await begin(t, app);
    const tokens = await client.authorizationCodeGrant(config, answer, checks, { resource: API });
    assert.ok(tokens.expiresIn() > 0);
    assert.equal(tokens.scope, "letters:read");
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, { resource: API });
    assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
    assert.notEqual(refreshed.access_token, tokens.access_token);
  });
}

test("client credentials for a resource", async (t) => {
  const config = await t.discover("robot-basic", client.ClientSecretBasic(t.world.secret));
  const tokens = await client.clientCredentialsGrant(config, { scope: "letters:read", resource: API });
  assert.equal(tokens.token_type, "bearer");
});

test("authorization details come back as they were granted", async (t) => {
  const details = [{ type: "lockbox", identifier: "box-1", actions: ["read"] }];
  const { config, answer, checks } = await begin(t, BASIC, { authorization_details: JSON.stringify(details) });
  const tokens = await client.authorizationCodeGrant(config, answer, checks);
  assert.deepEqual(tokens.authorization_details, details.map((detail) => ({ ...detail, locations: [API] })));
});

test("it sees a denial, a wrong verifier, a replayed code and a mixed-up issuer for what they are", async (t) => {
  const denied = await begin(t, BASIC, {}, { decision: "deny" });
  const redeem = ({ config, answer, checks }, changes = {}) => client.authorizationCodeGrant(config, answer, { ...checks, ...changes });
  await assert.rejects(redeem(denied), (error) => error.error === "access_denied");

  const flow = await begin(t, BASIC);
  await assert.rejects(redeem(flow, { pkceCodeVerifier: client.randomPKCECodeVerifier() }), (error) => error.error === "invalid_grant");
  await assert.rejects(redeem(flow, { expectedState: "another" }), (error) => /state/.test(error.cause.message));
  const mixedUp = new URL(flow.answer);
  mixedUp.searchParams.set("iss", "https://attacker.example");
  await assert.rejects(redeem({ ...flow, answer: mixedUp }), (error) => /iss/.test(error.cause.message));
  await redeem(flow);
  await assert.rejects(redeem(flow), (error) => error.error === "invalid_grant");
});

test("a redirect URI of another client gets a page and no redirect", async (t) => {
  const { url } = await question(t, { ...BASIC, callback: LOOPBACK_CALLBACK });
  const { status } = await new Person(t.world.issuer, PERSON).read(url);
  assert.equal(status, 400);
});

for (const app of [BASIC, POST, DESKTOP]) {
  // proves: REFRESH-10
  test(`a lost answer and a second refresh at once do not log ${app.id} out`, async (t) => {
    const { config, tokens } = await obtain(t, app);
    t.network.loseAnswerOf(config.serverMetadata().token_endpoint);
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), TypeError);
    const repeated = await client.refreshTokenGrant(config, tokens.refresh_token);
    const arrived = [];
    const once = async () => arrived.push(await client.refreshTokenGrant(config, repeated.refresh_token));
    await Promise.all([once(), once()]);
    await client.refreshTokenGrant(config, arrived[1].refresh_token);
    const replaced = client.refreshTokenGrant(config, arrived[0].refresh_token);
    await assert.rejects(replaced, (error) => error.error === "invalid_grant");
  });

  // proves: REVOKE-04
  test(`what ${app.id} gives back is over for its API, too`, async (t) => {
    const { config, tokens } = await obtain(t, app);
    const api = await t.discover("letters-basic", client.ClientSecretBasic(t.world.secret));
    const told = await client.tokenIntrospection(api, tokens.access_token, { token_type_hint: "access_token" });
    assert.deepEqual([told.active, told.client_id, told.aud, told.scope], [true, app.id, API, "letters:read"]);
    await client.tokenRevocation(config, tokens.access_token);
    assert.deepEqual(await client.tokenIntrospection(api, tokens.access_token), { active: false });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    await client.tokenRevocation(config, refreshed.refresh_token, { token_type_hint: "access_token" });
    assert.deepEqual(await client.tokenIntrospection(api, refreshed.access_token), { active: false });
    await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), (error) => error.error === "invalid_grant");
  });
}

test("an opaque token is asked about by its API alone", async (t) => {
  const { tokens } = await obtain(t, DESKTOP, { resource: OPAQUE_API, scope: "tickets:use" });
  const asked = async (id, authentication) => client.tokenIntrospection(await t.discover(id, authentication(t.world.secret)), tokens.access_token);
  assert.equal((await asked("letters-post", client.ClientSecretPost)).aud, OPAQUE_API);
  assert.deepEqual(await asked("parcels", client.ClientSecretBasic), { active: false });
  assert.deepEqual(await asked("web-basic", client.ClientSecretBasic), { active: false });
});

async function obtain(t, app, extra) {
  const { config, answer, checks } = await begin(t, app, extra);
  return { config, tokens: await client.authorizationCodeGrant(config, answer, checks) };
}

async function question(t, app, extra = {}) {
  const config = await t.discover(app.id, app.authentication(t.world.secret));
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: app.callback,
    scope: "letters:read",
    resource: API,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    ...extra,
  });
  return { config, url, checks: { pkceCodeVerifier, expectedState } };
}

async function begin(t, app, extra, decision) {
  const asked = await question(t, app, extra);
  return { ...asked, answer: await new Person(t.world.issuer, PERSON).decide(asked.url, decision) };
}
