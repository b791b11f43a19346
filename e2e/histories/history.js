// What was asked and what was answered, in the order in which this process saw it. Nothing else is known of the server: not what it
// logs, not what stands in its database.
//
// An operation is invoked, and then answered, or gone: it had no answer, and from this moment on can have no effect any more. One without
// either may still happen at any time. Secrets have names here (`r17`), so that a history can be printed.

export class History {
  events = [];
  #open = new Set();
  #names = new Map();
  #operations = 0;

  // `send` gives the answer (see checker.js), `Unsent`, or `Lost`. Gives the same back.
  async perform(asked, send) {
    const operation = { id: (this.#operations += 1), node: 0, invokedAt: Date.now(), answer: null, state: "asked", ...asked };
    const invoked = { type: "invoke", operation };
    this.events.push(invoked);
    this.#open.add(operation);
    const answer = await send();
    if (answer === Unsent) this.#forget(invoked);
    else if (answer !== Lost) this.#close("answer", Object.assign(operation, { answer, answeredAt: Date.now() }));
    else if (operation.state === "fenced") this.#close("gone", Object.assign(operation, { goneAt: Date.now() }));
    else operation.state = "lost";
    return answer;
  }

  // What was ever sent to this node has no effect any more from now on, unless it is answered: its process ended.
  fence(node) {
    for (const operation of this.#open) {
      if (operation.node !== node) continue;
      if (operation.state === "lost") this.#close("gone", Object.assign(operation, { goneAt: Date.now() }));
      else operation.state = "fenced";
    }
  }

  // The short name of a secret: the same for the same.
  name(letter, secret) {
    if (!this.#names.has(secret)) this.#names.set(secret, `${letter}${this.#names.size + 1}`);
    return this.#names.get(secret);
  }

  #close(type, operation) {
    this.#open.delete(operation);
    this.events.push({ type, operation });
  }

  #forget(invoked) {
    this.#open.delete(invoked.operation);
    this.events.splice(this.events.lastIndexOf(invoked), 1);
  }
}

// The connection was refused: nobody read the question.
export const Unsent = Symbol("unsent");
// The connection ended before an answer, or the answer was that it cannot be told now.
export const Lost = Symbol("lost");
