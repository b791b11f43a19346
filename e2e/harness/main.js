// Runs the suites and tells what came of them, a line a test, in the form of TAP. Start reading here, then `suite.js`.

import { rm } from "node:fs/promises";
import { OUT } from "./places.js";
import { endEverything } from "./processes.js";
import { closeBrowser } from "./browser.js";
import { Report } from "./report.js";

// Two at a time: each waits for its own servers and pages most of the time.
const AT_ONCE = 2;

// The longest first, so that no core waits for it at the end.
const SUITES = [
  "../histories/postgres_crashes.js",
  "../histories/two_nodes.js",
  "../histories/crashes.js",
  "../browser/two_tabs.js",
  "../browser/every_page.js",
  "../browser/web_app.js",
  "../browser/interruptions.js",
  "../browser/access.js",
  "../browser/sign_in.js",
  "../browser/browser_app.js",
  "../browser/native_apps.js",
  "../browser/front_channel.js",
  "../histories/flushes.js",
  "../histories/full_disk.js",
  "../histories/checker_tests.js",
  "../clients/oauth4webapi.js",
  "../clients/oauth4webapi_ends.js",
  "../clients/jose.js",
  "../clients/openid_client.js",
  "../clients/authlib.js",
];

async function main(words) {
  if (words.includes("--pictures")) return (await import("./pictures.js")).takePictures();
  const suites = await load(words.filter((word) => !word.startsWith("--")));
  if (words.includes("--list")) return suites.forEach((suite) => console.log(suite.title));
  if (suites.length === 0) throw new Error(`no suite is called like ${words.join(" or ")}; e2e/run --list names them`);

  await rm(OUT, { recursive: true, force: true });
  const report = new Report();
  const waiting = [...suites];
  const worker = async () => {
    for (let suite = waiting.shift(); suite; suite = waiting.shift()) await suite.run(report);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  report.end();
  if (report.failed > 0 || report.passed === 0) process.exitCode = 1;
}

async function load(words) {
  const modules = await Promise.all(SUITES.map((path) => import(path)));
  const suites = modules.map((module) => module.suite);
  return words.length === 0 ? suites : suites.filter((suite) => words.some((word) => suite.title.includes(word)));
}

async function clearUp() {
  await closeBrowser();
  await endEverything();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, async () => {
    await clearUp();
    process.exit(130);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`e2e: ${error.stack ?? error}`);
  process.exitCode = 1;
} finally {
  await clearUp();
}
