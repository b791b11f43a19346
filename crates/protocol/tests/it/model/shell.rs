//! The shell as a model: many requests in the air, each at its own step of load, decide, commit, answer.
//!
//! The same loop as the server's, taken apart: whatever happens between two steps of one request may be any step of another,
//! a crash, or the clock. Start at [`Scenario`].

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use grantd_protocol::changes::Commit;
use grantd_protocol::facts::Facts;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::state::{Guard, Records, State};
use grantd_tokens::{Seconds, Time};

use super::ask::{Answer, Ask, Judged, Request};
use super::cast;
use super::explore::{Model, Step, fingerprint};
use super::invariants::{Committed, judge};

/// As the server's loop: a request that finds itself overtaken so often gives up.
const MAX_ATTEMPTS: u8 = 3;

/// What is explored: who may do what, how often, and when.
pub(crate) struct Scenario {
    pub(crate) start: World,
    pub(crate) settings: Settings,
    /// What may be sent in a state.
    pub(crate) asks: fn(&World) -> Vec<Ask>,
    /// How many requests are sent at the most.
    pub(crate) requests: u8,
    /// Where the clock may stand, in seconds from the start.
    pub(crate) instants: &'static [i64],
    pub(crate) answers: Answers,
    /// The guard that is taken out, to see what it is for.
    pub(crate) without: Option<Guard>,
}

/// Whether it matters that an answer reached its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It may be lost, and then nobody has it.
    MayBeLost,
    /// Somebody has it in any case: lost or not, it was seen.
    AreSeen,
}

/// A state of the whole: the store, the clock, what is in the air, and what was given.
#[derive(Clone, Hash)]
pub(crate) struct World {
    kept: Rc<Kept>,
    instant: usize,
    sent: u8,
    /// Sorted: which request came first is noticed by nobody.
    flights: Vec<Flight>,
    pub(crate) gifts: Vec<Gift>,
}

struct Kept {
    state: State,
    fingerprint: [u64; 2],
}

/// What came of a commit and cannot be taken back. Its position names the secrets that were handed out with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gift {
    Code,
    Denial,
    Tokens { paid_with: Payment, answer: Delivery },
    Session,
    Admission,
    User,
}

/// What a token answer cost; by the gift it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payment {
    Code(usize),
    RefreshToken(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Delivery {
    Underway,
    Arrived,
    Lost,
}

/// A request in the air.
#[derive(Clone)]
struct Flight {
    seen: Seen,
    request: Rc<Request>,
    facts: Rc<Facts>,
}

/// All about a flight that its future depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Seen {
    ask: Ask,
    attempt: u8,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Stage {
    /// The commit was stale: look again.
    Overtaken,
    Loaded {
        facts: [u64; 2],
    },
    Decided {
        facts: [u64; 2],
        at: Time,
    },
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.fingerprint.hash(hasher);
    }
}

impl Hash for Flight {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.seen.hash(hasher);
    }
}

impl Kept {
    fn new(state: State) -> Rc<Self> {
        let fingerprint = fingerprint(&state);
        Rc::new(Self { state, fingerprint })
    }
}

impl Model for Scenario {
    type State = World;

    fn start(&self) -> World {
        self.start.clone()
    }

    fn next(&self, world: &World) -> Vec<Step<World>> {
        let mut steps = self.sendings(world);
        let mut tried = BTreeSet::new();
        for (position, flight) in world.flights.iter().enumerate() {
            if tried.insert(flight.seen) {
                self.advance(world, position, flight, &mut steps);
            }
        }
        deliveries(world, &mut steps);
        if world.instant + 1 < self.instants.len() {
            let mut later = world.clone();
            later.instant += 1;
            let what = format!("the clock moves on to {} s", self.instants[later.instant]);
            steps.push(Step { what, to: Ok(later) });
        }
        steps
    }
}

impl Scenario {
    fn now(&self, world: &World) -> Time {
        cast::START + Seconds(self.instants[world.instant])
    }

    fn sendings(&self, world: &World) -> Vec<Step<World>> {
        if world.sent >= self.requests {
            return Vec::new();
        }
        let send = |ask: Ask| {
            let mut next = world.clone();
            next.sent += 1;
            let request = Rc::new(ask.request());
            next.launch(ask, 0, request);
            Step { what: format!("{ask}: sent, and the store is read"), to: Ok(next) }
        };
        (self.asks)(world).into_iter().map(send).collect()
    }

    fn advance(&self, world: &World, position: usize, flight: &Flight, steps: &mut Vec<Step<World>>) {
        let Seen { ask, attempt, stage } = flight.seen;
        let mut without = world.clone();
        without.flights.remove(position);
        match stage {
            Stage::Overtaken => {
                without.launch(ask, attempt, Rc::clone(&flight.request));
                steps.push(Step { what: format!("{ask}: the store is read again"), to: Ok(without) });
            }
            Stage::Loaded { facts } => {
                let seen = Seen { stage: Stage::Decided { facts, at: self.now(world) }, ..flight.seen };
                without.take_off(Flight { seen, ..flight.clone() });
                steps.push(Step { what: format!("{ask}: decided"), to: Ok(without) });
            }
            Stage::Decided { at, .. } => {
                steps.push(self.commit(flight, at, without.clone()));
                steps.push(Step { what: format!("{ask}: a crash before the commit"), to: Ok(without) });
            }
        }
    }

    /// `next` is the world without the flight.
    fn commit(&self, flight: &Flight, at: Time, mut next: World) -> Step<World> {
        let Seen { ask, attempt, .. } = flight.seen;
        let judged = flight.request.decide(&flight.facts, at, &self.settings, next.gifts.len());
        let before = Rc::clone(&next.kept);
        let outcome = next.write(&judged, self.without);
        match outcome {
            Commit::Stale if attempt + 1 < MAX_ATTEMPTS => {
                let seen = Seen { ask, attempt: attempt + 1, stage: Stage::Overtaken };
                // What was read before is of no consequence any more.
                next.take_off(Flight { seen, facts: Rc::default(), request: Rc::clone(&flight.request) });
                Step { what: format!("{ask}: the commit is stale"), to: Ok(next) }
            }
            Commit::Stale => Step { what: format!("{ask}: gives up after {MAX_ATTEMPTS} attempts"), to: Ok(next) },
            Commit::Refused(refusal) => Step { what: format!("{ask}: the commit refuses, {refusal:?}"), to: Ok(next) },
            Commit::Done => {
                next.gifts.extend(self.gift(ask, &judged));
                let what = match &judged.answer {
                    Ok(_) => format!("{ask}: committed"),
                    Err(refusal) => format!("{ask}: committed, refused with {refusal:?}"),
                };
                let (before, after) = (records(&before), records(&next.kept));
                let committed = Committed { ask, at, facts: &flight.facts, judged: &judged, before, after };
                let verdict = judge(&committed, &next.gifts, &self.settings);
                Step { what, to: verdict.map(|()| next) }
            }
        }
    }

    fn gift(&self, ask: Ask, judged: &Judged) -> Option<Gift> {
        let answer = match self.answers {
            Answers::MayBeLost => Delivery::Underway,
            Answers::AreSeen => Delivery::Arrived,
        };
        match (&judged.answer, ask) {
            (Ok(Answer::Tokens { .. }), Ask::Redeem { code, .. }) => {
                Some(Gift::Tokens { paid_with: Payment::Code(code), answer })
            }
            (Ok(Answer::Tokens { .. }), Ask::Refresh { token, .. }) => {
                Some(Gift::Tokens { paid_with: Payment::RefreshToken(token), answer })
            }
            (Ok(Answer::Code), _) => Some(Gift::Code),
            (Ok(Answer::SignedIn), _) => Some(Gift::Session),
            (Ok(Answer::Admitted), _) => Some(Gift::Admission),
            (Ok(Answer::UserAdded), _) => Some(Gift::User),
            (Err(Refusal::UserDenied), _) => Some(Gift::Denial),
            _ => None,
        }
    }

    /// Lets this be asked and answered, before the exploration begins.
    pub(crate) fn after(mut self, ask: Ask) -> Self {
        let mut world = self.start.clone();
        world.launch(ask, 0, Rc::new(ask.request()));
        let flight = world.flights.remove(0);
        let step = self.commit(&flight, self.now(&world), world);
        self.start = step.to.unwrap();
        self
    }
}

impl World {
    pub(crate) fn new(state: State) -> Self {
        Self { kept: Kept::new(state), instant: 0, sent: 0, flights: Vec::new(), gifts: Vec::new() }
    }

    /// The gifts of one kind, by what names them.
    pub(crate) fn gifts_that(&self, are: impl Fn(&Gift) -> bool) -> Vec<usize> {
        (0..self.gifts.len()).filter(|position| are(&self.gifts[*position])).collect()
    }

    fn launch(&mut self, ask: Ask, attempt: u8, request: Rc<Request>) {
        let facts = self.kept.state.load(&cast::issuer(), &request.lookup());
        let stage = Stage::Loaded { facts: fingerprint_of(&facts) };
        self.take_off(Flight { seen: Seen { ask, attempt, stage }, request, facts: Rc::new(facts) });
    }

    fn take_off(&mut self, flight: Flight) {
        let place = self.flights.partition_point(|other| other.seen < flight.seen);
        self.flights.insert(place, flight);
    }

    fn write(&mut self, judged: &Judged, without: Option<Guard>) -> Commit {
        if judged.changes.is_empty() {
            return Commit::Done;
        }
        let mut state = self.kept.state.clone();
        let outcome = state.commit_without(&cast::issuer(), &judged.changes, without);
        if outcome == Commit::Done {
            self.kept = Kept::new(state);
        } else {
            assert!(state == self.kept.state, "a commit that is not done has written something");
        }
        outcome
    }
}

fn deliveries(world: &World, steps: &mut Vec<Step<World>>) {
    for (position, gift) in world.gifts.iter().enumerate() {
        let Gift::Tokens { paid_with, answer: Delivery::Underway } = *gift else { continue };
        let ends = [(Delivery::Arrived, "arrives"), (Delivery::Lost, "is lost")];
        for (answer, how) in ends {
            let mut next = world.clone();
            next.gifts[position] = Gift::Tokens { paid_with, answer };
            steps.push(Step { what: format!("the answer with refresh token {position} {how}"), to: Ok(next) });
        }
    }
}

fn records(kept: &Kept) -> &Records {
    kept.state.records(&cast::issuer()).unwrap()
}

/// Facts are no part of the store and have no hash of their own. `waiting` is left out: no request here asks for it.
fn fingerprint_of(facts: &Facts) -> [u64; 2] {
    let Facts {
        client,
        resources,
        code,
        refresh_token,
        grant,
        grant_session,
        session,
        user,
        pending,
        consent,
        attempts,
        ..
    } = facts;
    fingerprint(&(
        (client, resources, code, refresh_token, grant),
        (grant_session, session, user, pending, consent, attempts),
    ))
}
