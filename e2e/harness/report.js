// What is printed: one line a test as it ends, the reason below one that failed, and the sum as the last line.

export class Report {
  passed = 0;
  failed = 0;
  #began = Date.now();

  pass(suite, name, milliseconds) {
    this.passed += 1;
    console.log(`ok ${this.#number()} - ${suite}: ${name} (${milliseconds} ms)`);
  }

  fail(suite, name, error) {
    this.failed += 1;
    console.log(`not ok ${this.#number()} - ${suite}: ${name}`);
    // What an OAuth library was told by the server, where it is such an error.
    const told = error?.error ? `\n${error.error}: ${error.error_description ?? ""}` : "";
    const ours = (line) => !/node:internal|harness\/(suite|main)\.js|Promise\.all/.test(line);
    const reason = String(error?.stack ?? error).split("\n").filter(ours).join("\n") + told;
    console.log(reason.trimEnd().replace(/^/gm, "#   "));
  }

  end() {
    console.log(`# ${Math.round((Date.now() - this.#began) / 1000)} s; screenshots and logs are in e2e/out`);
    console.log(`${this.passed} passed, ${this.failed} failed`);
  }

  #number() {
    return this.passed + this.failed;
  }
}
