// oauth4webapi (npm), unmodified, as its documentation uses it.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Suite } from "../harness/suite.js";
import { Person } from "./person.js";
import { BASIC, DESKTOP, PHONE, POST, SPA, begin, discover, http, question, redeem, refresh, rejectsWith, validate } from "./oauth4webapi_flow.js";
import { API, CALLBACK, OTHER_API, PERSON, startWorld } from "../harness/world.js";

export const suite = new Suite("oauth4webapi", {
  all: async (name, disposers) => {
    const world = await startWorld(name);
    disposers.push(world.end);
    return { world, as: await discover(world.issuer), secret: world.secret };
  },
});
const { test } = suite;

test("discovers what it needs", async ({ as }) => {
  assert.deepEqual(as.code_challenge_methods_supported, ["S256"]);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
  for (const method of ["client_secret_basic", "client_secret_post", "none"]) {
    assert.ok(as.token_endpoint_auth_methods_supported.includes(method), method);
  }
  assert.ok(as.authorization_details_types_supported.includes("lockbox"));
});

for (const client of [BASIC, POST, SPA, DESKTOP, PHONE]) {
  test(`code, key and rotated refresh token for ${client.id}`, async (t) => {
    const flow = await begin(t, client);
    const tokens = await redeem(t, flow);
    assert.equal(tokens.token_type, "bearer");
    assert.equal(tokens.scope, "letters:read letters:send", "the granted scope is not what was asked, in this order");
    const refreshed = await refresh(t, client, tokens.refresh_token);
    assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
    assert.equal(refreshed.scope, tokens.scope);
    await validate(t, refreshed.access_token, API);
  });
}

// proves: AT-01, AT-02
test("its validator for JWT access tokens accepts the token at its own API and nowhere else", async (t) => {
  const tokens = await redeem(t, await begin(t, BASIC));
  const header = JSON.parse(Buffer.from(tokens.access_token.split(".")[0], "base64url"));
  assert.ok(header.kid, "the library may choose by kid among several keys");
  const claims = await validate(t, tokens.access_token, API);
  assert.equal(claims.sub, PERSON.subject);
  assert.equal(claims.client_id, "web-basic");
  assert.equal(claims.scope, "letters:read letters:send");
  await assert.rejects(validate(t, tokens.access_token, OTHER_API), /aud/);
});

// proves: RAR-05
test("authorization details that were unticked are neither in the answer nor in the token", async (t) => {
  const box = (identifier) => ({ type: "lockbox", identifier, actions: ["read"] });
  const asked = { authorization_details: JSON.stringify([box("box-1"), box("box-2")]) };
  const tokens = await redeem(t, await begin(t, BASIC, asked, { unticked: ["box-2"] }));
  const granted = [{ ...box("box-1"), locations: [API] }];
  assert.deepEqual(tokens.authorization_details, granted);
  const claims = await validate(t, tokens.access_token, API);
  assert.deepEqual(claims.authorization_details, granted);
});

for (const [id, authentication] of [["robot-basic", oauth.ClientSecretBasic], ["robot-post", oauth.ClientSecretPost]]) {
  test(`client credentials for ${id}`, async (t) => {
    const client = { client_id: id };
    const parameters = new URLSearchParams({ scope: "letters:read", resource: API });
    const response = await oauth.clientCredentialsGrantRequest(t.as, client, authentication(t.secret), parameters, http);
    const tokens = await oauth.processClientCredentialsResponse(t.as, client, response);
    assert.equal(tokens.refresh_token, undefined);
    const claims = await validate(t, tokens.access_token, API);
    assert.equal(claims.client_id, id);
  });
}

test("a denial reaches the app as access_denied, with its state and issuer", async (t) => {
  await assert.rejects(begin(t, BASIC, {}, { decision: "deny" }), (error) => {
    assert.ok(error instanceof oauth.AuthorizationResponseError);
    assert.equal(error.error, "access_denied");
    return true;
  });
});

// proves: AUTHZ-10
test("an answer from another issuer, or with another state, is dropped by the library", async (t) => {
  const { answer, state } = await begin(t, BASIC);
  const client = { client_id: "web-basic" };
  for (const [name, value] of [["iss", "https://attacker.example"], ["state", "another"]]) {
    const forged = new URL(answer);
    forged.searchParams.set(name, value);
    assert.throws(() => oauth.validateAuthResponse(t.as, client, forged, state));
  }
  assert.ok(answer.searchParams.get("iss"));
});

test("a wrong verifier is invalid_grant and leaves the code to its owner", async (t) => {
  const flow = await begin(t, BASIC);
  await rejectsWith("invalid_grant", 400, redeem(t, { ...flow, verifier: oauth.generateRandomCodeVerifier() }));
  await redeem(t, flow);
});

// proves: CODE-04
test("a replayed code is invalid_grant and ends what came of it", async (t) => {
  const flow = await begin(t, BASIC);
  const tokens = await redeem(t, flow);
  await rejectsWith("invalid_grant", 400, redeem(t, flow));
  await rejectsWith("invalid_grant", 400, refresh(t, BASIC, tokens.refresh_token));
});

test("a wrong secret is invalid_client with 401, and leaves the code to its owner", async (t) => {
  const flow = await begin(t, BASIC);
  const wrong = { ...flow, client: { ...BASIC, authentication: () => oauth.ClientSecretBasic("wrong") } };
  await assert.rejects(redeem(t, wrong), (error) => error.status === 401);
  await redeem(t, flow);
});

test("an unknown resource is invalid_target", async (t) => {
  await assert.rejects(begin(t, BASIC, { resource: "https://elsewhere.example/" }), (error) => error.error === "invalid_target");
});

// proves: REDIR-01, REDIR-10
test("a redirect URI that is off by one character gets a page and no redirect", async (t) => {
  for (const redirectUri of [`${CALLBACK}1`, CALLBACK.replace("app.", "App."), "https://app.example/callbac"]) {
    const { url } = await question(t, { ...BASIC, callback: redirectUri });
    const { status } = await new Person(t.world.issuer, PERSON).read(url);
    assert.equal(status, 400);
  }
});
