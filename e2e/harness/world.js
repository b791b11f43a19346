// One grantd as an operator would configure it: an API with scopes and a type of details, a client of every kind, a person.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGrantd } from "./grantd.js";

// All of them have the same password.
export const PERSON = { username: "ada", password: "the analytical engine", name: "Ada Byron", subject: "person-1" };
export const API = "https://letters.example/api";
export const OTHER_API = "https://parcels.example/api";
// Its access tokens say nothing to anybody but grantd.
export const OPAQUE_API = "https://tickets.example/api";
export const CALLBACK = "https://app.example/callback?tenant=1";
export const PLAIN_CALLBACK = "https://app.example/callback";
export const LOOPBACK_CALLBACK = "http://127.0.0.1:49152/callback";
export const SCHEME_CALLBACK = "com.example.postkeeper:/callback";

// `settings` is configuration text (TOML) for what is not declared: lifetimes, limits. `spa` is where the browser app of that name is at
// home, `people` who has an account; the rest is for `startGrantd`.
export async function startWorld(name, { settings = "", spa = CALLBACK, people = [PERSON], ...rest } = {}) {
  const secrets = await mkdtemp(join(tmpdir(), "grantd-e2e-secrets-"));
  const secret = randomBytes(32).toString("base64url");
  await writeFile(join(secrets, "client"), secret, { mode: 0o600 });
  await writeFile(join(secrets, "password"), PERSON.password, { mode: 0o600 });
  const server = await startGrantd(name, settings + declarations(secrets, spa, people), rest);
  return {
    ...server,
    secret,
    async end() {
      await server.end();
      await rm(secrets, { recursive: true, force: true });
    },
  };
}

function declarations(secrets, spa, people) {
  const confidential = (id, kind, method, rest) => client(id, kind, `token_endpoint_auth_method = "${method}"\nsecret_file = "${secrets}/client"\n${rest}`);
  const pub = (id, kind, redirectUri) => client(id, kind, `token_endpoint_auth_method = "none"\n${code([redirectUri])}`);
  return [
    resource(API, "Letters", ["letters:read", "letters:send"]),
    `[[resource.detail_types]]\nname = "lockbox"\ntitle = "Lockboxes"\n\n[[resource.detail_types.actions]]\nname = "read"\ndescription = "read the letters"\n`,
    resource(OTHER_API, "Parcels", ["parcels:track"]),
    resource(OPAQUE_API, "Tickets", ["tickets:use"], `access_token_format = "opaque"\n`),
    confidential("web-basic", "web", "client_secret_basic", code([CALLBACK, PLAIN_CALLBACK])),
    confidential("web-post", "web", "client_secret_post", code([CALLBACK, PLAIN_CALLBACK])),
    confidential("robot-basic", "service", "client_secret_basic", `grant_types = ["client_credentials"]\n`),
    confidential("robot-post", "service", "client_secret_post", `grant_types = ["client_credentials"]\n`),
    asker("letters-basic", "client_secret_basic", [API, OPAQUE_API], secrets),
    asker("letters-post", "client_secret_post", [API, OPAQUE_API], secrets),
    asker("parcels", "client_secret_basic", [OTHER_API], secrets),
    pub("spa", "browser", spa),
    pub("desktop", "native", "http://127.0.0.1/callback"),
    pub("phone", "native", SCHEME_CALLBACK),
    ...people.map(
      ({ subject, username, name }) => `[[user]]\nid = "${subject}"\nusername = "${username}"\nname = "${name}"\npassword_file = "${secrets}/password"\n`,
    ),
  ].join("\n");
}

function resource(id, name, scopes, rest = "") {
  const declared = scopes.map((scope) => `[[resource.scopes]]\nname = "${scope}"\ndescription = "Use ${scope}"\n`);
  return `[[resource]]\nid = "${id}"\nname = "${name}"\n${rest}\n${declared.join("\n")}`;
}

function client(id, kind, rest) {
  const may = `resources = ["${API}", "${OTHER_API}", "${OPAQUE_API}"]\n`;
  const scopes = `scopes = ["letters:read", "letters:send", "parcels:track", "tickets:use"]\n`;
  return `[[client]]\nid = "${id}"\nname = "${id}"\nkind = "${kind}"\n${may}${scopes}${rest}`;
}

// What an API proves itself with when it asks about tokens.
function asker(id, method, resources, secrets) {
  const proof = `token_endpoint_auth_method = "${method}"\nsecret_file = "${secrets}/client"\n`;
  return `[[client]]\nid = "${id}"\nname = "${id}"\nkind = "service"\n${proof}introspects = ${JSON.stringify(resources)}\n`;
}

function code(redirectUris) {
  const uris = `redirect_uris = ${JSON.stringify(redirectUris)}\n`;
  return `${uris}grant_types = ["authorization_code", "refresh_token"]\nauthorization_details_types = ["lockbox"]\n`;
}
