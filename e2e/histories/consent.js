// What a person once said yes to, of one client (CONSENT-02, CONSENT-05): for the resource of the last yes it is not asked again.

export const initial = { given: null, off: false, wasOff: false };

export function next(state, operation, answer) {
  return operations[operation.kind](state, operation, answer);
}

const operations = {
  ask(state, { resource }, answer) {
    if (answer.login) return [state];
    if (answer.refused) return state.off ? [state] : [];
    if (state.off) return [];
    return Boolean(answer.code) === (state.given === resource) ? [state] : [];
  },
  // A page that was shown before the client was switched off leads nowhere afterwards.
  allow(state, { resource }, answer) {
    const given = { ...state, given: resource };
    if (answer === null) return state.off ? [state] : [given, state];
    if (answer.refused) return state.wasOff ? [state] : [];
    return state.off ? [] : [given];
  },
  end_app: forgotten,
  end_grant: forgotten,
  narrow: forgotten,
  // Whether the yes is remembered beyond it is nowhere promised.
  disable: (state) => [{ ...state, off: true, wasOff: true }, { ...state, given: null, off: true, wasOff: true }],
  enable: (state) => [{ ...state, off: false }],
};

function forgotten(state, _, answer) {
  if (answer?.nothing) return [state];
  return [{ ...state, given: null }];
}
