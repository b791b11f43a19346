// Where things are on disk.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const E2E = fileURLToPath(new URL("..", import.meta.url));
export const OUT = `${E2E}out`;
export const SCREENSHOTS = `${OUT}/screenshots`;
export const LOGS = `${OUT}/logs`;
export const IMAGES = fileURLToPath(new URL("../../docs/images", import.meta.url));

// `e2e/run` builds it and says where it is.
export function grantdBinary() {
  const binary = process.env.GRANTD_BINARY;
  if (!binary) throw new Error("GRANTD_BINARY does not name the grantd to test; start this through e2e/run");
  return binary;
}

// A folder that is gone when the test is over.
export async function ownFolder(disposers) {
  const folder = await mkdtemp(join(tmpdir(), "grantd-e2e-"));
  disposers.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
