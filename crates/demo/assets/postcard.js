// Postcard: a public client in a browser (OAuth 2.0 for Browser-Based Applications). Code flow, PKCE, one-time state, iss compared.
// Tokens live in the variable `held` and nowhere else. Only `state` and the verifier survive the trip to the authorization server,
// in the session storage of this tab, and are taken out at the first look.

const { issuer, resource, redirectUri, clientId, scope, detailsType } = document.body.dataset;
const MAX_AGE_MS = 10 * 60 * 1000;
const DEPARTURE = "departure";

const SECRET = new Set(["code", "code_verifier", "refresh_token"]);

const TO_LOCKBOXES = "browser → lockbox API (fetch)";

let held = null;
let known = null;

start();

async function start() {
  element("connect").addEventListener("click", guarded(depart));
  element("refresh").addEventListener("click", guarded(refresh));
  element("forget").addEventListener("click", guarded(giveBack));
  if (location.pathname === new URL(redirectUri).pathname && location.search) {
    const answer = new URLSearchParams(location.search);
    // At once: the code must not stay in the history.
    history.replaceState(null, "", "/");
    await guarded(() => arrive(answer))();
  }
}

async function depart() {
  const server = await metadata();
  const state = random();
  const verifier = random();
  const iss = server.authorization_response_iss_parameter_supported === true;
  sessionStorage.setItem(DEPARTURE, JSON.stringify({ state, verifier, issuer, iss, began: Date.now() }));
  const address = new URL(server.authorization_endpoint);
  const question = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    resource,
    authorization_details: JSON.stringify([{ type: detailsType, actions: ["read"] }]),
    state,
    code_challenge: await sha256(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(question)) address.searchParams.set(name, value);
  location.assign(address);
}

async function arrive(answer) {
  const departure = JSON.parse(sessionStorage.getItem(DEPARTURE) ?? "null");
  sessionStorage.removeItem(DEPARTURE);
  judge(answer, departure);
  note("front", "grantd → browser", "grantd answers with a receipt: the code.", {
    code: fingerprint(answer.get("code")),
    state: fingerprint(answer.get("state")),
    iss: answer.get("iss"),
  });
  const request = { grant_type: "authorization_code", code: answer.get("code"), redirect_uri: redirectUri, code_verifier: departure.verifier };
  await trade(request, "The script trades the code, and proves with the verifier that it asked for it.");
  tell("good", "Postcard has a key. It opens what you ticked, and nothing else.");
  await lookAround();
}

// Throws unless the answer belongs to the question that this tab asked. No token request is made before that.
function judge(answer, departure) {
  const names = [...answer.keys()];
  if (new Set(names).size !== names.length) throw new Error("a parameter stands in the answer twice");
  if (!departure || answer.get("state") !== departure.state) throw new Error("the state of the answer is not one that this tab is waiting for");
  if (Date.now() - departure.began > MAX_AGE_MS) throw new Error("the answer comes more than ten minutes after the question");
  const iss = answer.get("iss");
  if (iss === null ? departure.iss : iss !== departure.issuer) throw new Error("another server answers than the one that was asked");
  if (answer.has("access_token") || answer.has("id_token")) throw new Error("a token came through the address; tokens never do");
  if (answer.has("code") && answer.has("error")) throw new Error("the answer is a yes and a no at once");
  if (answer.has("error")) throw new Error(`nothing was shared (${answer.get("error")})`);
  if (!answer.has("code")) throw new Error("the answer has neither a code nor an error");
}

async function refresh() {
  await renew("The script trades its voucher. The old one is spent by that.");
  tell("good", "A new key and a new voucher.");
}

async function renew(what) {
  if (!held?.voucher) throw new Error("there is no voucher; ask the person again");
  const voucher = held.voucher;
  held.voucher = null;
  try {
    await trade({ grant_type: "refresh_token", refresh_token: voucher }, what);
    show();
  } catch (fault) {
    if (isNoAnswer(fault)) held.voucher = voucher;
    throw fault;
  }
}

async function trade(request, what) {
  const { token_endpoint } = await metadata();
  const body = new URLSearchParams({ ...request, client_id: clientId, resource });
  const send = () => post(token_endpoint, body);
  const response = await send().catch((fault) => {
    // A voucher whose answer was lost may be sent again (REFRESH-10); a code never.
    if (!isNoAnswer(fault) || request.grant_type !== "refresh_token") throw fault;
    return send();
  });
  const answer = await response.json();
  note("back", "browser → grantd (fetch)", what, shown(body));
  if (!response.ok) throw new Error(`grantd gave no key: ${answer.error}${answer.error_description ? `: ${answer.error_description}` : ""}`);
  held = { boxes: [], ...held, key: answer.access_token, voucher: answer.refresh_token ?? null };
  const details = answer.authorization_details ?? [];
  held.opens = details.filter((detail) => detail.type === detailsType).map((detail) => detail.identifier);
}

async function lookAround() {
  const list = await call("", "The script asks which boxes there are.").catch(() => ({ boxes: [] }));
  held.boxes = list.boxes;
  for (const identifier of held.opens) await open(identifier);
  show();
}

async function open(identifier) {
  const box = await call(`/${encodeURIComponent(identifier)}`, `The script opens ${identifier}.`);
  const known = held.boxes.find((seen) => seen.identifier === box.identifier);
  if (known) known.letters = box.letters;
  else held.boxes.push(box);
}

async function call(path, what) {
  let response = await showKey(path);
  if (response.status === 401 && held.voucher) {
    note("back", TO_LOCKBOXES, "The API takes the key no more.", { "Authorization: Bearer": fingerprint(held.key) }, false);
    await renew("The script trades its voucher for another key, silently.");
    response = await showKey(path);
  }
  const answer = await response.json();
  note("back", TO_LOCKBOXES, what, { "Authorization: Bearer": fingerprint(held.key) }, response.ok);
  if (!response.ok) throw new Error(`the lockbox API refused: ${response.status} ${answer.error_description ?? answer.error}`);
  return answer;
}

function showKey(path) {
  return fetch(resource + path, { headers: { Authorization: `Bearer ${held.key}` }, credentials: "omit", redirect: "error", cache: "no-store" });
}

// RFC 7009: what is not needed any more is ended, wherever a copy of it may be. The tab forgets, whatever comes of it.
async function giveBack() {
  const token = held.voucher ?? held.key;
  forget();
  const { revocation_endpoint } = await metadata();
  if (!revocation_endpoint) throw new Error("grantd names no place to give tokens back; what you granted stands until you end it there");
  const response = await post(revocation_endpoint, new URLSearchParams({ token, client_id: clientId }));
  if (!response.ok) throw new Error(`grantd did not take it back: ${response.status}`);
  tell("good", "Given back and forgotten: nothing that this tab held opens anything now.");
}

function forget() {
  held = null;
  element("mail").hidden = true;
  element("welcome").hidden = false;
  element("journal_section").hidden = true;
  element("journal").replaceChildren();
}

function post(endpoint, body) {
  return fetch(endpoint, { method: "POST", body, credentials: "omit", redirect: "error", cache: "no-store" });
}

// What `fetch` throws when nothing came back.
function isNoAnswer(fault) {
  return fault instanceof TypeError;
}

// RFC 8414: the document counts only if it speaks for the issuer that was configured.
async function metadata() {
  if (known) return known;
  const address = new URL(issuer);
  address.pathname = `/.well-known/oauth-authorization-server${address.pathname.replace(/\/+$/, "")}`;
  const response = await fetch(address, { credentials: "omit", redirect: "error" });
  const document = await response.json();
  if (document.issuer !== issuer) throw new Error("the metadata speaks for another issuer");
  known = document;
  return known;
}

// ---- showing ----

function shown(body) {
  return Object.fromEntries([...body].map(([name, value]) => [name, SECRET.has(name) ? fingerprint(value) : value]));
}

function show() {
  element("welcome").hidden = true;
  element("mail").hidden = false;
  element("lockbox_key").textContent = fingerprint(held.key);
  element("voucher").textContent = held.voucher ? fingerprint(held.voucher) : "none";
  element("boxes").replaceChildren(...held.boxes.map(card));
}

function card(box) {
  const title = box.subtitle ? `${box.title} – ${box.subtitle}` : box.title;
  if (box.letters) {
    const rows = box.letters.map((letter) => make("li", {}, make("strong", {}, letter.subject), make("span", {}, letter.from)));
    return make("section", { class: "card", id: box.identifier }, make("h2", {}, title), make("ul", { class: "list" }, ...rows));
  }
  const button = make("button", { class: "button quiet", type: "button", id: `open_${box.identifier}` }, "Try to open it anyway");
  button.addEventListener("click", guarded(async () => {
    await open(box.identifier);
    show();
  }));
  return make("section", { class: "card", id: box.identifier }, make("h2", {}, title), make("p", {}, "Closed."), button);
}

function note(channel, way, what, carried, good = true) {
  const lines = Object.entries(carried).map(([name, value]) => `${name} = ${value}`).join("\n");
  const channelName = channel === "front" ? "Front channel" : "Past the address bar";
  element("journal_section").hidden = false;
  element("journal").append(
    make("li", { class: good ? "done" : "failed" }, make("strong", {}, what), make("small", {}, `${channelName}: ${way}`), make("code", { class: "code" }, lines)),
  );
}

function tell(kind, text) {
  const notice = element("notice");
  notice.className = `banner ${kind}`;
  notice.textContent = text;
  notice.hidden = false;
}

function guarded(action) {
  return async () => {
    try {
      await action();
    } catch (error) {
      tell("bad", `Stopped: ${error.message}.`);
    }
  };
}

// Text nodes only: nothing that came over the wire becomes markup.
function make(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function element(id) {
  return document.getElementById(id);
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function sha256(text) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fingerprint(secret) {
  return `…${secret.slice(-6)}`;
}
