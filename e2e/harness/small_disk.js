// A disk of its own for one process, that can be filled: a file system in memory, mounted where only this process sees it. It is gone with
// the process, however that ends.

import { open, rm } from "node:fs/promises";

const BLOCK = Buffer.alloc(64 * 1024);

// Words that run a command with such a disk at `folder`.
export function onSmallDisk(folder, megabytes) {
  const asRoot = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  const mount = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && exec "$@"`;
  return ["unshare", ...asRoot, "--mount", "sh", "-c", mount, folder];
}

// Takes all that is left of it, and gives it back. `pid` is the process that sees it.
export class Ballast {
  #path;

  constructor(pid, folder) {
    this.#path = `/proc/${pid}/root${folder}/ballast`;
  }

  async fill() {
    const file = await open(this.#path, "a");
    try {
      // A block, then less and less, until there is no room for a byte.
      for (let size = BLOCK.length; size >= 1; ) {
        const { bytesWritten } = await file.write(BLOCK, 0, size).catch(() => ({ bytesWritten: 0 }));
        if (bytesWritten < size) size = Math.floor(size / 2);
      }
    } finally {
      await file.close();
    }
  }

  remove() {
    return rm(this.#path, { force: true });
  }
}
