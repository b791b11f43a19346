// PostgreSQL servers of a test's own: in directories of their own, on loopback and free ports. Each ends, and its directory goes, with this
// process, however that ends: the supervisor that the Rust tests use sees its standard input close.

import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ownFolder } from "./places.js";
import { freePort } from "./processes.js";

const SUPERVISOR = fileURLToPath(new URL("../../crates/postgres-fixture/src/supervisor.sh", import.meta.url));
const OF_DEBIAN = "/usr/lib/postgresql";
// The database that is there from the beginning.
const MAINTENANCE = "postgres";
const PATIENCE_MS = 60_000;
const ADMITTED = "local all all trust\nlocal replication all trust\nhost all grantd 127.0.0.1/32 trust\n";

// A durable server with an empty database `grantd`.
export async function startPostgres(disposers) {
  const directory = await makeDirectory();
  const how = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
  await runAsServer(program("initdb"), "-D", join(directory, "data"), ...how);
  const server = await PostgresServer.start(disposers, directory, await freePort());
  await server.execute("CREATE ROLE grantd LOGIN", MAINTENANCE);
  await server.execute("CREATE DATABASE grantd OWNER grantd", MAINTENANCE);
  return server;
}

// Configuration (TOML) of a grantd that keeps its records behind these ports, whichever of them takes writes.
export async function keptBehind(disposers, ...ports) {
  const keyFile = join(await ownFolder(disposers), "key-encryption.key");
  await writeFile(keyFile, randomBytes(32).toString("base64url"), { mode: 0o600 });
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  return `[database]\nurl = "postgres://grantd@${hosts}/grantd"\n\n[keys]\nkey_encryption_key_file = "${keyFile}"\n\n`;
}

export class PostgresServer {
  #directory;
  #supervisor;
  #answers;

  static async start(disposers, directory, port) {
    const server = new PostgresServer();
    server.port = port;
    server.#directory = directory;
    await writeAsServer(`${directory}/data/pg_hba.conf`, ADMITTED);
    await writeAsServer(`${directory}/data/postgresql.conf`, configuration(directory, port));
    server.#supervise();
    disposers.push(() => server.end());
    await server.startAgain();
    return server;
  }

  // A second server that follows this one. From here on nothing is acknowledged before that one has it on its disk.
  async startSynchronousStandby(disposers, port) {
    const directory = await makeDirectory();
    const from = ["-h", this.#directory, "-p", String(this.port), "-U", "postgres", "-D", join(directory, "data")];
    await runAsServer(program("pg_basebackup"), ...from, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync");
    const standby = await PostgresServer.start(disposers, directory, port);
    await this.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await this.execute("SELECT pg_reload_conf()");
    await this.waitUntil("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1");
    return standby;
  }

  // The first value that a statement gives, as the database's superuser.
  async execute(sql, database = "grantd") {
    const where = ["-h", this.#directory, "-p", String(this.port), "-U", "postgres", "-d", database];
    const how = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"];
    return (await runAsServer(program("psql"), ...where, ...how, "-c", sql)).trim();
  }

  async waitUntil(sql, expected, database) {
    const late = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.execute(sql, database).catch(() => null);
      if (found === expected) return;
      if (Date.now() > late) throw new Error(`never ${expected}, but ${found}: ${sql}\n${await this.log()}`);
      await sleep(10);
    }
  }

  // No node that was killed is still at work: its connections are gone.
  untilNobodyWrites() {
    return this.waitUntil("SELECT count(*) FROM pg_stat_activity WHERE usename = 'grantd'", "0");
  }

  // By SIGKILL, its processes with it. Given back when it is down.
  kill() {
    return this.#order("KILL");
  }

  async startAgain() {
    await this.#order("start");
    await this.waitUntil("SELECT 1", "1", MAINTENANCE);
  }

  async promote() {
    await this.execute("SELECT pg_promote()");
    await this.waitUntil("SELECT pg_is_in_recovery()", "f");
  }

  async log() {
    return (await readFile(`${this.#directory}/log`, "utf8")).slice(-4_000);
  }

  async end() {
    const ended = new Promise((resolve) => this.#supervisor.once("exit", resolve));
    this.#supervisor.stdin.end();
    await ended;
  }

  #supervise() {
    const words = ["sh", "-c", readFileSync(SUPERVISOR, "utf8"), "supervisor", program("postgres"), this.#directory];
    const [command, ...args] = asServer(words);
    // An interrupt from the keyboard is for the tests: in a group of its own.
    this.#supervisor = spawn(command, args, { cwd: "/", stdio: ["pipe", "pipe", "ignore"], detached: true });
    this.#answers = createInterface({ input: this.#supervisor.stdout })[Symbol.asyncIterator]();
  }

  async #order(order) {
    this.#supervisor.stdin.write(`${order}\n`);
    const { value } = await this.#answers.next();
    if (value !== order) throw new Error(`PostgreSQL's supervisor was told ${order} and says ${value}`);
  }
}

function configuration(directory, port) {
  const all = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: directory,
    max_connections: 100,
    shared_buffers: "32MB",
    log_line_prefix: "%m %p %a ",
  };
  return Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`).join("");
}

// The newest of Debian's, or whatever is on the path; the same as in e2e/setup.
function program(name) {
  const versions = existsSync(OF_DEBIAN) ? readdirSync(OF_DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
  const folder = versions.map((version) => `${OF_DEBIAN}/${version}/bin`).find((bin) => existsSync(`${bin}/postgres`));
  return folder ? `${folder}/${name}` : name;
}

// PostgreSQL refuses to be root.
function asServer(words) {
  return process.getuid() === 0 ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--", ...words] : words;
}

async function runAsServer(...words) {
  const [command, ...args] = asServer(words);
  const { stdout } = await promisify(execFile)(command, args, { cwd: "/" });
  return stdout;
}

async function makeDirectory() {
  return (await runAsServer("mktemp", "-d", join(tmpdir(), "grantd-postgres-XXXXXX"))).trim();
}

// Readable by the server's user alone.
async function writeAsServer(path, content) {
  const [command, ...args] = asServer(["sh", "-c", 'umask 077; cat >"$1"', "sh", path]);
  const writing = promisify(execFile)(command, args, { cwd: "/" });
  writing.child.stdin.end(content);
  await writing;
}
