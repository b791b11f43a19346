// A suite: tests that share what was set up for them, run one after the other.

const PATIENCE_SECONDS = 90;

export class Suite {
  #tests = [];
  #setUp;
  #setUpEach;
  #patienceSeconds;

  // `setUp(name, disposers)` makes what all tests are handed, `setUpEach(name, disposers, shared)` what each is handed anew. What they push
  // onto `disposers` is undone at the end, last first.
  constructor(title, { all = async () => ({}), each = async () => ({}), patienceSeconds = PATIENCE_SECONDS }) {
    this.title = title;
    this.#setUp = all;
    this.#setUpEach = each;
    this.#patienceSeconds = patienceSeconds;
  }

  // Bound, so that a suite can write `const { test } = suite`.
  test = (name, body) => {
    this.#tests.push({ name, body });
  };

  async run(report) {
    const disposers = [];
    try {
      const shared = await this.#within(this.#setUp(underscored(this.title), disposers), `setting up ${this.title}`);
      for (const test of this.#tests) await this.#runOne(test, shared, report);
    } catch (error) {
      report.fail(this.title, "could be set up", error);
    } finally {
      for (const dispose of disposers.reverse()) await dispose().catch((error) => report.fail(this.title, "could be cleared up", error));
    }
  }

  async #runOne({ name, body }, shared, report) {
    const began = Date.now();
    const closers = [];
    const disposers = [];
    try {
      const own = await this.#within(this.#setUpEach(underscored(`${this.title} ${name}`), disposers, shared), `setting up ${name}`);
      await this.#within(body({ ...shared, ...own, closers, suite: this.title, name }), name);
      report.pass(this.title, name, Date.now() - began);
    } catch (error) {
      for (const closer of closers) await closer.failed?.().catch(() => {});
      report.fail(this.title, name, error);
    } finally {
      for (const closer of closers.reverse()) await closer.close().catch(() => {});
      for (const dispose of disposers.reverse()) await dispose().catch(() => {});
    }
  }

  #within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
      const fail = () => reject(new Error(`${what}: not done after ${this.#patienceSeconds} s`));
      timer = setTimeout(fail, this.#patienceSeconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}

// Tests that run elsewhere and report for themselves, such as those in another language.
export class ForeignSuite {
  constructor(title, runAll) {
    this.title = title;
    this.run = async (report) => {
      try {
        await runAll(report);
      } catch (error) {
        report.fail(title, "could be run", error);
      }
    };
  }
}

// As the name of a file.
export function underscored(title) {
  return title.replace(/[^a-z0-9]+/gi, "_").slice(0, 100);
}
