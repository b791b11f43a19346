// An access token that a client got for itself.

import { isOfTheSecondOfTheEnd } from "./second.js";

export const initial = { issued: false, dead: false, off: false, offUntil: null, removed: [] };

export function next(state, operation, answer) {
  return operations[operation.kind](state, operation, answer);
}

const operations = {
  credentials(state, operation, { tokens }) {
    if (state.off || state.removed.includes(tokens.key)) return [];
    const issued = { ...state, issued: true };
    return isOfTheSecondOfTheEnd(state, operation) ? [issued, { ...issued, dead: true }] : [issued];
  },
  revoke(state, _, answer) {
    if (state.off) return answer === null || answer.unauthorized ? [state] : [];
    return answer?.unauthorized ? [] : [{ ...state, dead: true }];
  },
  introspect(state, { key }, answer) {
    const isActive = state.issued && !state.dead && !state.removed.includes(key);
    return answer.active === isActive ? [state] : [];
  },
  disable: (state, { answeredAt }) => [{ ...state, off: true, offUntil: answeredAt ?? Infinity, dead: state.dead || state.issued }],
  enable: (state) => [{ ...state, off: false }],
  remove_key: (state, { key }) => [{ ...state, removed: [...new Set([...state.removed, key])].sort() }],
};
