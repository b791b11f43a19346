// openid-client (npm), unmodified, as a plain OAuth client.

import assert from "node:assert/strict";
import * as client from "openid-client";
import { Suite } from "../harness/suite.js";
import { Person } from "./person.js";
import { API, LOOPBACK_CALLBACK, PERSON, PLAIN_CALLBACK, startWorld } from "../harness/world.js";

export const suite = new Suite("openid-client", {
  all: async (name, disposers) => {
    const world = await startWorld(name);
    disposers.push(world.end);
    const options = { algorithm: "oauth2", execute: [client.allowInsecureRequests] };
    const discover = (id, authentication) => client.discovery(new URL(world.issuer), id, undefined, authentication, options);
    return { world, discover };
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
