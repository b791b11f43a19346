// Chromium, one for all suites, with a fresh profile in each test. Whatever a page asks for, or complains about, is written down.

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";
import { OUT } from "./places.js";
import { underscored } from "./suite.js";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
export const DESKTOP = { width: 1180, height: 860 };
export const PHONE = { width: 390, height: 844 };
// Ample: this machine may be busy with something else. What is wrong shows itself long before.
const PATIENCE_MS = 30_000;

let launched = null;

export async function closeBrowser() {
  const browser = await launched?.catch(() => null);
  launched = null;
  await browser?.close();
}

// A fresh profile with one tab. `t` is what a test is handed: the profile is closed, or photographed if the test fails, at its end.
export async function openBrowser(t, options = {}) {
  launched ??= chromium.launch({ executablePath: installed(), args: FLAGS });
  const browser = await launched;
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const seen = watch(context);
  t.closers.push({
    close: () => context.close(),
    failed: () => photograph(context, `${t.suite} ${t.name}`),
  });
  return { context, page: await context.newPage(), seen };
}

// Requests with their headers, bodies of pages, and complaints: policy violations, errors of scripts, errors on the console.
function watch(context) {
  const seen = { requests: [], responses: [], documents: [], complaints: [] };
  context.on("request", (request) => seen.requests.push(request));
  context.on("response", (response) => {
    seen.responses.push(response);
    if (response.request().resourceType() === "document" && response.status() < 300) {
      seen.documents.push(response.text().then((text) => ({ url: response.url(), text }), () => null));
    }
  });
  context.on("weberror", (error) => seen.complaints.push(`script: ${error.error().message}`));
  context.on("console", (message) => {
    if (message.type() === "error" && !isStatusOfPage(message.text())) seen.complaints.push(`console: ${message.text()}`);
  });
  return seen;
}

// Chromium reports every page that answers 4xx as an error on the console; those pages are meant.
function isStatusOfPage(text) {
  return text.startsWith("Failed to load resource: the server responded with a status of 4");
}

async function photograph(context, title) {
  await mkdir(`${OUT}/failures`, { recursive: true });
  const name = underscored(title);
  for (const [index, page] of context.pages().entries()) {
    await page.screenshot({ path: `${OUT}/failures/${name}_${index}.png`, fullPage: true, timeout: 3000 });
  }
}

// The same names in the same order as in e2e/setup.
function installed() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    } catch {
      // The next name.
    }
  }
  throw new Error("there is no Chromium; run e2e/setup");
}
