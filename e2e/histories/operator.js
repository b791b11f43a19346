// An operator at the command line, beside the server and while it is down: what a command said goes into the history.

import { Lost } from "./history.js";

export class Operator {
  #history;
  #command;

  constructor(history, command) {
    this.#history = history;
    this.#command = command;
  }

  endGrant({ grant, person, client }) {
    return this.#perform({ kind: "end_grant", grant, person, client }, ["grant", "revoke", grant, "--json"], (said) =>
      said.ended > 0 ? { done: true } : { nothing: true },
    );
  }

  disable(client) {
    return this.#perform({ kind: "disable", client }, ["client", "disable", client, "--json"], () => ({ done: true }));
  }

  enable(client) {
    return this.#perform({ kind: "enable", client }, ["client", "enable", client, "--json"], () => ({ done: true }));
  }

  removeKey(key) {
    return this.#perform({ kind: "remove_key", key }, ["key", "remove", key, "--yes", "--json"], () => ({ done: true }));
  }

  // A command that failed may have done its work all the same; nobody kills it, so it is over when it says so.
  #perform(asked, words, read) {
    return this.#history.perform({ node: "command line", state: "fenced", ...asked }, async () => {
      const said = await this.#command(...words).catch(() => null);
      return said === null ? Lost : read(JSON.parse(said));
    });
  }
}
