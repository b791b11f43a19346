// Stands between one grantd and its PostgreSQL server, and can stop at the moment that matters: when a COMMIT is on its way. Speaks no TLS.

import { connect, createServer } from "node:net";

const COMMIT = Buffer.from("COMMIT\0");

// What becomes of a commit: it goes on its way; it is lost with its connection; or it is done, and the answer is lost with the connection.
export const PASS = "pass";
export const LOSE = "lose";
export const SILENCE = "silence";

export async function startCommitProxy(port) {
  const connections = new Set();
  const proxy = { port: null, counts: { [PASS]: 0, [LOSE]: 0, [SILENCE]: 0 }, decide: () => PASS };
  const server = createServer((grantd) => {
    const database = connect(port, "127.0.0.1");
    const pair = { isHeld: false, isSilent: false };
    grantd.on("data", (bytes) => forward(bytes, grantd, database, pair));
    database.on("data", (bytes) => (pair.isSilent ? grantd.resetAndDestroy() : grantd.write(bytes)));
    for (const [one, other] of [[grantd, database], [database, grantd]]) {
      connections.add(one);
      one.on("error", () => {});
      // What is held is not forgotten with the node that sent it.
      one.on("close", () => {
        connections.delete(one);
        if (!pair.isHeld) other.destroy();
      });
    }
  });

  // `decide` may take its time: meanwhile the bytes are held.
  async function forward(bytes, grantd, database, pair) {
    if (!bytes.includes(COMMIT)) return database.write(bytes);
    grantd.pause();
    pair.isHeld = true;
    const fate = await proxy.decide();
    pair.isHeld = false;
    proxy.counts[fate] += 1;
    if (fate === LOSE) return [grantd, database].forEach((side) => side.destroy());
    pair.isSilent = fate === SILENCE;
    database.write(bytes);
    // Of a node that is gone, only this is left to be done.
    if (grantd.destroyed) database.end();
    else grantd.resume();
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.port = server.address().port;
  proxy.end = async () => {
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return proxy;
}
