// An app that is nothing but a redirect URI on this computer: it takes what the browser brings and shows an empty page.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

export async function startApp() {
  const arrivals = [];
  const server = createServer((request, response) => {
    if (request.url.startsWith("/callback")) arrivals.push({ url: request.url, headers: request.headers });
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end('<!doctype html><html lang="en"><title>App</title><h1>App</h1>');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    callback: `${origin}/callback`,
    arrivals,
    end: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

// An authorization request of a public client.
export function question(issuer, parameters) {
  const verifier = randomBytes(32).toString("base64url");
  const url = new URL(`${issuer}/authorize`);
  const all = {
    response_type: "code",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: randomBytes(16).toString("base64url"),
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return { url: url.href, verifier, state: all.state };
}
