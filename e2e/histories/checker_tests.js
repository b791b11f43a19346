// The checker against histories written by hand: each lie that a server could tell is found, and its near twin, which is true, is not.

import assert from "node:assert/strict";
import { Suite } from "../harness/suite.js";
import { describe, judge } from "./checker.js";
import { LOST_RESPONSE_MS } from "./grant.js";
import { History, Lost } from "./history.js";

export const suite = new Suite("history checker", {});
const { test } = suite;

const BOTH = ["read", "send"];
const WEB = { client: "web", person: "ada", session: "s1" };
const done = { done: true };
const refused = { refused: true };
const tokens = (number, { scopes = BOTH, key = "k1" } = {}) => ({ tokens: { access: `a${number}`, refresh: `r${number}`, grant: "g1", scopes, key } });
const active = (scopes = BOTH) => ({ active: true, scopes });
const inactive = { active: false };

// A history as it is written below: one question after the other, or `begin` and later `end`.
class Written {
  history = new History();

  async say(kind, asked, answer) {
    await this.history.perform({ kind, ...WEB, ...asked }, async () => answer);
    return this;
  }

  // The answer, or `Lost`, comes when it is given to what is returned.
  begin(kind, asked) {
    let give;
    const answered = new Promise((resolve) => (give = resolve));
    const ended = this.history.perform({ kind, ...WEB, ...asked }, () => answered);
    return async (answer) => {
      give(answer);
      await ended;
    };
  }

  approve = (code = "c1") => this.say("allow", { scopes: BOTH, resource: "letters" }, { code });
  redeem = (answer) => this.say("redeem", { code: "c1", codeAt: Date.now() }, answer);
  refresh = (number, answer, rest = {}) => this.say("refresh", { token: `r${number}`, ...rest }, answer);
  revoke = (token, of, answer = done) => this.say("revoke", { token, of }, answer);
  access = (number, answer) => this.say("introspect", { token: `a${number}`, of: "access", key: "k1", scopes: BOTH }, answer);
  leaf = (number, answer) => this.say("introspect", { token: `r${number}`, of: "refresh" }, answer);
}

async function begun() {
  const written = new Written();
  await written.approve();
  await written.redeem(tokens(1));
  return written;
}

// `tell(written)` tells the lie, `amend(written)` the truth in its place, both after what `before` tells.
function lie(name, { before = begun, tell, twin }) {
  test(`${name} is found`, async () => {
    const lying = await before();
    await tell(lying);
    assert.notDeepEqual(judge(lying.history), [], "the lie was believed");
    const truthful = await before();
    await twin(truthful);
    const lies = judge(truthful.history);
    assert.deepEqual(lies, [], `the truth was not believed: ${describe(lies)}`);
  });
}

lie("an acknowledged grant that is lost", { tell: (it) => it.refresh(1, refused), twin: (it) => it.refresh(1, tokens(2)) });
lie("an acknowledged access token that is lost", { tell: (it) => it.access(1, inactive), twin: (it) => it.access(1, active()) });
lie("a code that is spent twice", { tell: (it) => it.redeem(tokens(2)), twin: (it) => it.redeem(refused) });
lie("a code that is spent twice at once", {
  before: async () => new Written().approve(),
  tell: async (it) => {
    const first = it.begin("redeem", { code: "c1", codeAt: Date.now() });
    await it.redeem(tokens(2));
    await first(tokens(1));
  },
  twin: async (it) => {
    const first = it.begin("redeem", { code: "c1", codeAt: Date.now() });
    await it.redeem(tokens(2));
    await first(refused);
    await it.access(2, inactive);
  },
});
lie("a second use of a code that ends nothing", {
  before: async () => (await begun()).redeem(refused),
  tell: (it) => it.access(1, active()),
  twin: (it) => it.access(1, inactive),
});
lie("a refresh token that is spent twice, with two that live", {
  before: async () => (await begun()).refresh(1, tokens(2)),
  tell: async (it) => {
    await it.refresh(1, tokens(3));
    await it.leaf(2, active());
  },
  twin: async (it) => {
    await it.refresh(1, tokens(3));
    await it.leaf(2, inactive);
    await it.leaf(3, active());
  },
});
lie("a fork: both ends of a repeated refresh go on", {
  before: async () => (await (await begun()).refresh(1, tokens(2))).refresh(1, tokens(3)),
  tell: async (it) => {
    await it.refresh(2, tokens(4));
    await it.refresh(3, tokens(5));
  },
  twin: async (it) => {
    await it.refresh(3, tokens(5));
    await it.refresh(2, refused);
    await it.refresh(5, refused);
  },
});
lie("a theft that is answered", {
  before: async () => (await (await begun()).refresh(1, tokens(2))).refresh(2, tokens(3)),
  tell: (it) => it.refresh(1, tokens(4)),
  twin: (it) => it.refresh(1, refused),
});
lie("a theft after which the family lives", {
  before: async () => (await (await (await begun()).refresh(1, tokens(2))).refresh(2, tokens(3))).refresh(1, refused),
  tell: (it) => it.refresh(3, tokens(4)),
  twin: (it) => it.refresh(3, refused),
});
lie("an honest retry that is taken for a theft", {
  before: async () => (await begun()).refresh(1, tokens(2)),
  tell: (it) => it.refresh(1, refused),
  twin: (it) => it.refresh(1, tokens(3)),
});
lie("a retry after the window that is answered", {
  before: async () => {
    const it = await (await begun()).refresh(1, tokens(2));
    // As if all of that had been before the window.
    for (const { operation } of it.history.events) for (const moment of ["invokedAt", "answeredAt"]) operation[moment] -= 2 * LOST_RESPONSE_MS;
    return it;
  },
  tell: (it) => it.refresh(1, tokens(3)),
  twin: (it) => it.refresh(1, refused),
});
lie("a retry that leaves the access token before it alive", {
  before: async () => (await (await begun()).refresh(1, tokens(2))).refresh(1, tokens(3)),
  tell: (it) => it.access(2, active()),
  twin: async (it) => {
    await it.access(2, inactive);
    await it.access(1, active());
  },
});
lie("a refresh whose answer was lost and that never happened, although its token is spent", {
  before: async () => {
    const it = await begun();
    await it.refresh(1, Lost);
    it.history.fence(0);
    await it.leaf(1, inactive);
    return it;
  },
  tell: (it) => it.leaf(1, active()),
  twin: (it) => it.refresh(1, tokens(2)),
});
lie("a lost refresh that happens after its server is gone", {
  before: async () => {
    const it = await begun();
    await it.refresh(1, Lost);
    it.history.fence(0);
    await it.leaf(1, active());
    return it;
  },
  tell: (it) => it.leaf(1, inactive),
  twin: (it) => it.leaf(1, active()),
});
lie("a lost revocation that comes and goes", {
  before: async () => (await begun()).revoke("r1", "refresh", Lost),
  tell: async (it) => {
    await it.access(1, inactive);
    await it.access(1, active());
  },
  twin: async (it) => {
    await it.access(1, active());
    await it.access(1, inactive);
  },
});
lie("a revocation that is undone", {
  before: async () => (await begun()).revoke("r1", "refresh"),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: (it) => it.refresh(1, refused),
});
lie("an access token that is active after its revocation", {
  before: async () => (await begun()).revoke("a1", "access"),
  tell: (it) => it.access(1, active()),
  twin: async (it) => {
    await it.access(1, inactive);
    await it.refresh(1, tokens(2));
  },
});
lie("a revocation that runs beside a question, and is seen and then not", {
  tell: async (it) => {
    const revoked = it.begin("revoke", { token: "r1", of: "refresh" });
    await it.access(1, inactive);
    await it.access(1, active());
    await revoked(done);
  },
  twin: async (it) => {
    const revoked = it.begin("revoke", { token: "r1", of: "refresh" });
    await it.access(1, active());
    await it.access(1, inactive);
    await revoked(done);
  },
});
lie("an operator's end of a grant that is undone", {
  before: async () => (await begun()).say("end_grant", { grant: "g1" }, done),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: (it) => it.refresh(1, refused),
});
lie("a client that is switched off and goes on", {
  before: async () => (await begun()).say("disable", {}, done),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: (it) => it.refresh(1, { unauthorized: true }),
});
lie("a client that is switched on again with what it held before", {
  before: async () => (await (await begun()).say("disable", {}, done)).say("enable", {}, done),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: (it) => it.refresh(1, refused),
});
lie("a narrowing that is undone", {
  before: async () => (await begun()).say("narrow", { kept: ["read"] }, done),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: async (it) => {
    await it.access(1, active(["read"]));
    await it.refresh(1, tokens(2, { scopes: ["read"] }));
  },
});
lie("a key that was removed and signs again", {
  before: async () => (await begun()).say("remove_key", { key: "k1" }, done),
  tell: (it) => it.refresh(1, tokens(2)),
  twin: (it) => it.refresh(1, tokens(2, { key: "k2" })),
});
lie("a token of a removed key that is active", {
  before: async () => (await begun()).say("remove_key", { key: "k1" }, done),
  tell: (it) => it.access(1, active()),
  twin: (it) => it.access(1, inactive),
});
lie("a consent that is forgotten", {
  tell: (it) => it.say("ask", { resource: "letters" }, { page: true }),
  twin: (it) => it.say("ask", { resource: "letters" }, { code: "c2" }),
});
lie("a consent that was taken back and is back", {
  before: async () => (await begun()).say("end_app", {}, done),
  tell: (it) => it.say("ask", { resource: "letters" }, { code: "c2" }),
  twin: (it) => it.say("ask", { resource: "letters" }, { page: true }),
});
lie("a grant that was ended by its user and is back", {
  before: async () => (await begun()).say("end_app", {}, done),
  tell: (it) => it.access(1, active()),
  twin: (it) => it.access(1, inactive),
});
lie("a session that is forgotten", {
  before: async () => new Written().say("sign_in", {}, done),
  tell: (it) => it.say("ask", { resource: "letters" }, { login: true }),
  twin: (it) => it.say("ask", { resource: "letters" }, { page: true }),
});
lie("a session that was ended and is back, and its grants with it", {
  before: async () => (await (await new Written().say("sign_in", {}, done)).approve()).say("sign_out", {}, done),
  tell: (it) => it.redeem(tokens(1)),
  twin: (it) => it.redeem(refused),
});
lie("a client's own token that is lost", {
  before: async () => new Written().say("credentials", {}, tokens(1)),
  tell: (it) => it.access(1, inactive),
  twin: (it) => it.access(1, active()),
});
lie("a client's own token that is active after its revocation", {
  before: async () => (await new Written().say("credentials", {}, tokens(1))).revoke("a1", "access"),
  tell: (it) => it.access(1, active()),
  twin: (it) => it.access(1, inactive),
});
lie("a token that is given twice", { tell: (it) => it.refresh(1, tokens(1)), twin: (it) => it.refresh(1, tokens(2)) });

test("twenty repetitions that were all lost are judged as fast as one", async () => {
  const it = await begun();
  for (let time = 0; time < 20; time += 1) await it.refresh(1, Lost);
  await it.revoke("r1", "refresh", Lost);
  await it.access(1, inactive);
  const began = Date.now();
  assert.deepEqual(judge(it.history), []);
  assert.ok(Date.now() - began < 1_000, "it took too long");
  await it.access(1, active());
  assert.notDeepEqual(judge(it.history), [], "the lie was believed");
});
