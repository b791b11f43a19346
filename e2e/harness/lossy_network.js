// A network between clients and one grantd that can lose an answer: the request is served, and the connection ends instead of the answer.

import { connect, createServer } from "node:net";

export async function startLossyNetwork() {
  const connections = new Set();
  // Request lines as they passed, preflights among them, which no page and no tool of the browser's tells of.
  const requests = [];
  let target = null;
  let doomed = null;
  let lost = 0;

  const server = createServer((client) => {
    const grantd = connect(target, "127.0.0.1");
    let losing = false;
    client.on("data", (bytes) => {
      const [line, path] = /^[A-Z]+ ([^ ?]*)\S* HTTP\/1\.1/.exec(bytes.toString("latin1")) ?? [];
      if (line) requests.push(line.replace(" HTTP/1.1", ""));
      if (path && path === doomed && line.startsWith("POST")) [losing, doomed] = [true, null];
      grantd.write(bytes);
    });
    grantd.on("data", (bytes) => {
      if (!losing) return client.write(bytes);
      lost += 1;
      client.resetAndDestroy();
    });
    for (const [one, other] of [[client, grantd], [grantd, client]]) {
      connections.add(one);
      one.on("error", () => other.destroy());
      one.on("end", () => other.end());
      one.on("close", () => {
        connections.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: server.address().port,
    requests,
    leadTo: (port) => (target = port),
    // Of the next POST to this address. Only its path is looked at.
    loseAnswerOf: (url) => (doomed = new URL(url).pathname),
    lost: () => lost,
    async end() {
      for (const connection of connections) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
