// An app that is nothing but a script in the browser, built on oauth4webapi, whose tabs share what it holds: the storage has the tokens,
// a tab reads them when it sends, and whoever is answered writes what came. This runs in the page; two_tabs.js drives it.

import * as oauth from "oauth4webapi";

const http = { [oauth.allowInsecureRequests]: true };
const { issuer, resource, scope } = await (await fetch("/settings.json")).json();
const client = { client_id: "spa" };
const callback = `${location.origin}/`;
const url = new URL(issuer);
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...http }));

const app = {
  as,

  async connect() {
    const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
    sessionStorage.setItem("asked", JSON.stringify({ verifier, state }));
    const challenge = await oauth.calculatePKCECodeChallenge(verifier);
    location.assign(`${as.authorization_endpoint}?${new URLSearchParams({
      client_id: client.client_id, redirect_uri: callback, response_type: "code", scope, resource, state,
      code_challenge: challenge, code_challenge_method: "S256",
    })}`);
  },

  // Trades in what the storage holds, and repeats what it sent until it is answered.
  async refresh() {
    const shown = held().refresh_token;
    for (let attempt = 1; ; attempt += 1) {
      const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), shown, http).catch(() => null);
      if (!response) continue;
      const tokens = await oauth.processRefreshTokenResponse(as, client, response);
      localStorage.setItem("tokens", JSON.stringify(tokens));
      return { attempt, shown, got: tokens.refresh_token };
    }
  },

  // Every `period` milliseconds of the clock that all tabs share; gives what came of each round.
  async refreshByTimer(rounds, period, start) {
    const came = [];
    for (let round = 0; round < rounds; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, start + round * period - Date.now()));
      came.push(await app.refresh().catch((error) => ({ error: error.error ?? String(error) })));
    }
    return came;
  },

  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), token, http));
  },

  held,
};

await finishConnecting();
globalThis.app = app;
document.body.dataset.ready = "yes";

function held() {
  return JSON.parse(localStorage.getItem("tokens"));
}

async function finishConnecting() {
  if (!location.search) return;
  const { verifier, state } = JSON.parse(sessionStorage.getItem("asked"));
  const parameters = oauth.validateAuthResponse(as, client, new URL(location.href), state);
  history.replaceState(null, "", "/");
  const response = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), parameters, callback, verifier, http);
  localStorage.setItem("tokens", JSON.stringify(await oauth.processAuthorizationCodeResponse(as, client, response)));
}
