// A browser session: from signing in to signing out nobody is asked who they are, and afterwards everybody is.

export const initial = { lives: false };

export function next(state, operation, answer) {
  return operations[operation.kind](state, operation, answer);
}

const operations = {
  sign_in: () => [{ lives: true }],
  sign_out: () => [{ lives: false }],
  ask(state, _, answer) {
    if (answer.refused) return [state];
    return Boolean(answer.login) === !state.lives ? [state] : [];
  },
};
