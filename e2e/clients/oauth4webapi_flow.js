// What an app does that is built on oauth4webapi (npm): discover, ask, redeem, refresh. `t` holds `world`, `as` (the metadata) and `secret`.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Person } from "./person.js";
import { API, CALLBACK, LOOPBACK_CALLBACK, PERSON, SCHEME_CALLBACK } from "../harness/world.js";

// grantd is on http://localhost here; nothing else of the library is relaxed.
export const http = { [oauth.allowInsecureRequests]: true };

export const BASIC = { id: "web-basic", authentication: (secret) => oauth.ClientSecretBasic(secret), callback: CALLBACK };
export const POST = { id: "web-post", authentication: (secret) => oauth.ClientSecretPost(secret), callback: CALLBACK };
export const SPA = { id: "spa", authentication: () => oauth.None(), callback: CALLBACK };
export const DESKTOP = { id: "desktop", authentication: () => oauth.None(), callback: LOOPBACK_CALLBACK };
export const PHONE = { id: "phone", authentication: () => oauth.None(), callback: SCHEME_CALLBACK };

// APIs that ask grantd about the tokens they are shown.
export const LETTERS_BASIC = { id: "letters-basic", authentication: (secret) => oauth.ClientSecretBasic(secret) };
export const LETTERS_POST = { id: "letters-post", authentication: (secret) => oauth.ClientSecretPost(secret) };
export const PARCELS = { id: "parcels", authentication: (secret) => oauth.ClientSecretBasic(secret) };

export async function discover(issuer) {
  const url = new URL(issuer);
  const response = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...http });
  return oauth.processDiscoveryResponse(url, response);
}

export async function question(t, client, extra = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(t.as.authorization_endpoint);
  const parameters = {
    client_id: client.id,
    redirect_uri: client.callback,
    response_type: "code",
    scope: "letters:read letters:send",
    resource: API,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    ...extra,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { client, url, verifier, state };
}

export async function begin(t, client, extra = {}, decision = {}) {
  const asked = await question(t, client, extra);
  const answer = await new Person(t.world.issuer, PERSON).decide(asked.url, decision);
  const parameters = oauth.validateAuthResponse(t.as, { client_id: client.id }, answer, asked.state);
  return { ...asked, answer, parameters };
}

export async function redeem(t, { client, url, parameters, verifier }) {
  const itself = { client_id: client.id };
  const options = { ...http, additionalParameters: { resource: url.searchParams.get("resource") } };
  const authentication = client.authentication(t.secret);
  const response = await oauth.authorizationCodeGrantRequest(t.as, itself, authentication, parameters, client.callback, verifier, options);
  return oauth.processAuthorizationCodeResponse(t.as, itself, response);
}

export async function refresh(t, client, refreshToken) {
  const itself = { client_id: client.id };
  const response = await oauth.refreshTokenGrantRequest(t.as, itself, client.authentication(t.secret), refreshToken, http);
  return oauth.processRefreshTokenResponse(t.as, itself, response);
}

export async function revoke(t, client, token, hint) {
  const itself = { client_id: client.id };
  const options = { ...http, additionalParameters: hint ? { token_type_hint: hint } : {} };
  const response = await oauth.revocationRequest(t.as, itself, client.authentication(t.secret), token, options);
  return oauth.processRevocationResponse(response);
}

// What `asker` is told of a token, in JSON or, `signed`, in a JWT whose signature is verified.
export async function introspect(t, asker, token, { signed = false, hint } = {}) {
  const itself = { client_id: asker.id };
  const options = { ...http, requestJwtResponse: signed, additionalParameters: hint ? { token_type_hint: hint } : {} };
  const response = await oauth.introspectionRequest(t.as, itself, asker.authentication(t.secret), token, options);
  const told = await oauth.processIntrospectionResponse(t.as, itself, response);
  const mediaType = signed ? "application/token-introspection+jwt" : "application/json";
  assert.equal(response.headers.get("content-type"), mediaType);
  if (signed) await oauth.validateApplicationLevelSignature(t.as, response, http);
  return told;
}

export function validate(t, token, audience) {
  const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
  return oauth.validateJwtAccessToken(t.as, request, audience, http);
}

export function rejectsWith(code, status, promise) {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof oauth.ResponseBodyError, error);
    assert.deepEqual([error.error, error.status], [code, status]);
    return true;
  });
}
