//! The explorer: breadth first over all that can happen next, until nothing new happens or an invariant breaks.
//!
//! Knows nothing of OAuth. A state is remembered by 128 bits of its hash, so that a large exploration fits into memory; the
//! way to it by its predecessor, so that the trace of a finding is a shortest one.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something that can be explored.
pub(crate) trait Model {
    /// Equal states have equal hashes; nothing is in a state that nobody could ever notice.
    type State: Hash;

    fn start(&self) -> Self::State;

    /// Everything that can happen next, each with what it is in words; `Err` is an invariant that it breaks.
    fn next(&self, state: &Self::State) -> Vec<Step<Self::State>>;
}

/// One thing that can happen, and what comes of it.
pub(crate) struct Step<S> {
    pub(crate) what: String,
    pub(crate) to: Result<S, String>,
}

/// What an exploration came to.
pub(crate) struct Explored {
    /// Distinct states.
    pub(crate) states: usize,
    /// Steps between them.
    pub(crate) steps: usize,
    /// Everything that happened, in words.
    pub(crate) happened: BTreeSet<String>,
    /// The first broken invariant, if there is one; the exploration ends there.
    pub(crate) finding: Option<Finding>,
}

/// A broken invariant, and a shortest way to it.
pub(crate) struct Finding {
    pub(crate) broken: String,
    pub(crate) trace: Vec<String>,
}

pub(crate) fn explore<M: Model>(model: &M) -> Explored {
    let start = model.start();
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut came_from: Vec<(usize, String)> = vec![(0, String::new())];
    let mut open = VecDeque::from([(0, start)]);
    let mut explored = Explored { states: 1, steps: 0, happened: BTreeSet::new(), finding: None };
    while let Some((number, state)) = open.pop_front() {
        for Step { what, to } in model.next(&state) {
            explored.steps += 1;
            if !explored.happened.contains(&what) {
                explored.happened.insert(what.clone());
            }
            match to {
                Ok(to) => {
                    if seen.insert(fingerprint(&to)) {
                        came_from.push((number, what));
                        open.push_back((came_from.len() - 1, to));
                    }
                }
                Err(broken) => {
                    let mut trace = way_to(number, &came_from);
                    trace.push(what);
                    explored.finding = Some(Finding { broken, trace });
                }
            }
            explored.states = seen.len();
            if explored.finding.is_some() {
                return explored;
            }
        }
    }
    explored
}

fn way_to(number: usize, came_from: &[(usize, String)]) -> Vec<String> {
    let mut trace = Vec::new();
    let mut at = number;
    while at != 0 {
        let (before, what) = &came_from[at];
        trace.push(what.clone());
        at = *before;
    }
    trace.reverse();
    trace
}

/// 128 bits: among a million states, two that share a fingerprint are less likely than a fault of the machine.
pub(crate) fn fingerprint(state: &impl Hash) -> [u64; 2] {
    [1_u8, 2].map(|half| {
        let mut hasher = DefaultHasher::new();
        half.hash(&mut hasher);
        state.hash(&mut hasher);
        hasher.finish()
    })
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.finding {
            None => write!(f, "{} states, {} steps, no invariant broken", self.states, self.steps),
            Some(finding) => {
                writeln!(f, "broken after {} states: {}", self.states, finding.broken)?;
                finding.trace.iter().enumerate().try_for_each(|(at, what)| writeln!(f, "  {}. {what}", at + 1))
            }
        }
    }
}
