//! The explorer: breadth first over all that can happen next, until nothing new happens or an invariant breaks.
//!
//! Knows nothing of OAuth. A state is remembered by 64 bits of its hash, so that a hundred million fit into memory; the way to
//! it by its predecessor and the number of the step, so that a finding can be told as a shortest trace.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// Something that can be explored.
pub(crate) trait Model {
    /// Equal states have equal hashes; nothing is in a state that nobody could ever notice.
    type State: Hash + Copy;
    /// What happens in a step. It is told in words only to people.
    type Event: Copy + Eq + Hash + fmt::Display;

    fn start(&self) -> Self::State;

    /// Adds everything that can happen next, always in the same order.
    fn next(&self, state: &Self::State, steps: &mut Vec<Step<Self::State, Self::Event>>);
}

/// One thing that can happen, and what comes of it: a state, or an invariant that it breaks.
pub(crate) struct Step<S, E> {
    pub(crate) what: E,
    pub(crate) to: Result<S, &'static str>,
}

/// What an exploration came to.
pub(crate) struct Explored {
    /// Distinct states.
    pub(crate) states: usize,
    /// Steps between them.
    pub(crate) steps: usize,
    /// States from which nothing was tried yet: none after an exploration to the end.
    pub(crate) open: usize,
    /// Everything that happened, in words.
    pub(crate) happened: BTreeSet<String>,
    /// The first broken invariant, if there is one; the exploration ends there.
    pub(crate) finding: Option<Finding>,
}

/// A broken invariant, and a shortest way to it.
pub(crate) struct Finding {
    pub(crate) broken: &'static str,
    pub(crate) trace: Vec<String>,
}

/// Explores to the end.
pub(crate) fn explore<M: Model>(model: &M) -> Explored {
    explore_at_most(usize::MAX, model)
}

/// Explores until there are so many states. What was reached by then is all that can happen in so many steps, or nearly.
pub(crate) fn explore_at_most<M: Model>(states: usize, model: &M) -> Explored {
    let start = model.start();
    let mut seen: HashSet<u64, BuildHasherDefault<AsItIs>> = HashSet::default();
    seen.insert(fingerprint(&start));
    let mut trail = Trail { came_from: vec![(0, 0)] };
    let mut open = VecDeque::from([(0_u32, start)]);
    let mut happened: HashSet<M::Event> = HashSet::new();
    let (mut taken, mut finding) = (0, None);
    let mut steps = Vec::new();
    while let Some((number, state)) = open.pop_front().filter(|_| finding.is_none() && seen.len() < states) {
        steps.clear();
        model.next(&state, &mut steps);
        for (nth, Step { what, to }) in (0..).zip(&steps) {
            taken += 1;
            happened.insert(*what);
            match to {
                Ok(to) if seen.insert(fingerprint(to)) => {
                    open.push_back((trail.went(number, nth), *to));
                    tell_progress(seen.len(), open.len());
                }
                Ok(_) => {}
                Err(broken) => {
                    finding = Some(Finding { broken, trace: trail.told(model, number, nth) });
                    break;
                }
            }
        }
    }
    let happened = happened.iter().map(ToString::to_string).collect();
    Explored { states: seen.len(), steps: taken, open: open.len(), happened, finding }
}

/// How each state was first reached: from which, by which of its steps.
struct Trail {
    came_from: Vec<(u32, u16)>,
}

impl Trail {
    fn went(&mut self, from: u32, nth: u16) -> u32 {
        self.came_from.push((from, nth));
        u32::try_from(self.came_from.len() - 1).unwrap()
    }

    /// The way to this step of this state, by walking it once more.
    fn told<M: Model>(&self, model: &M, number: u32, nth: u16) -> Vec<String> {
        let (mut way, mut at) = (vec![nth], number);
        while at != 0 {
            let (from, nth) = self.came_from[at as usize];
            way.push(nth);
            at = from;
        }
        let mut state = model.start();
        let mut words = Vec::new();
        for nth in way.into_iter().rev() {
            let mut steps = Vec::new();
            model.next(&state, &mut steps);
            let step = &steps[usize::from(nth)];
            words.push(step.what.to_string());
            state = step.to.unwrap_or(state);
        }
        words
    }
}

const TOLD_EVERY: usize = 5_000_000;

#[expect(clippy::print_stdout, reason = "a large exploration takes a while")]
fn tell_progress(states: usize, open: usize) {
    if states.is_multiple_of(TOLD_EVERY) {
        println!("{states} states, {open} of them open");
    }
}

fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// For what is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are looked up");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.finding {
            None => {
                let Self { states, steps, open, .. } = self;
                write!(f, "{states} states, {steps} steps, {open} states left open, no invariant broken")
            }
            Some(finding) => {
                writeln!(f, "broken after {} states: {}", self.states, finding.broken)?;
                finding.trace.iter().enumerate().try_for_each(|(at, what)| writeln!(f, "  {}. {what}", at + 1))
            }
        }
    }
}
