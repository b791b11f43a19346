//! The shell as a model: many requests in the air, each at its own step of load, decide, commit, answer.
//!
//! The same loop as the server's, taken apart: whatever happens between two steps of one request may be any step of another,
//! a crash, a sweep of the store, or the clock. Start at [`Scenario`].

use std::cell::RefCell;
use std::fmt;

use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::state::{Guard, State};
use grantd_tokens::{Seconds, Time};

use super::ask::{Ask, Scope, Sender};
use super::cast;
use super::client::{Assumptions, Ended, HonestClient};
use super::explore::{Model, Step};
use super::gifts::{Delivery, Gift, History};
use super::tables::{Committed, FactsId, GiftsId, Holders, StoreId, Tables};

/// As the server's loop: a request that finds itself overtaken so often gives up.
const MAX_ATTEMPTS: u8 = 3;

/// What is explored: who may do what, how often, and when.
pub(crate) struct Scenario {
    pub(crate) start: World,
    pub(crate) settings: Settings,
    /// What anybody may send in a state, knowing all that was given.
    pub(crate) asks: fn(&[Gift]) -> Vec<Ask>,
    /// How many requests are sent at the most, but for the thief's.
    pub(crate) requests: u8,
    /// How many of them, and of the tabs' requests, are in the air at once.
    pub(crate) at_once: usize,
    /// How many requests a thief sends at the most, who copied one refresh token of the tabs.
    pub(crate) thefts: u8,
    /// Where the clock may stand, in seconds from the start. It may be set back.
    pub(crate) instants: &'static [i64],
    pub(crate) sweeps: Sweeps,
    pub(crate) answers: Answers,
    /// What is taken for granted of the tabs.
    pub(crate) assumptions: Assumptions,
    /// The guard that is taken out, to see what it is for.
    pub(crate) without: Option<Guard>,
    pub(crate) tables: RefCell<Tables>,
}

/// Whether it matters that an answer reached its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It may be lost, and then nobody has it.
    MayBeLost,
    /// Somebody has it in any case: lost or not, it was seen. What the tabs have is their own affair.
    AreSeen,
}

/// Whether the store is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweeps {
    AtAnyTime,
    Never,
}

/// A state of the whole: the store, the clock, what is in the air, what was given, and what the client and the thief know.
/// Store, gifts and facts by number: equal ones have equal numbers.
#[derive(Clone, Copy, Hash)]
pub(crate) struct World {
    store: StoreId,
    pub(crate) gifts: GiftsId,
    instant: u8,
    sent: u8,
    thefts: u8,
    stolen: Option<u8>,
    pub(crate) client: HonestClient,
    flights: Flights,
}

/// A request in the air: all about it that its future depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flight {
    pub(crate) ask: Ask,
    attempt: u8,
    stage: Stage,
    pub(crate) facts: FactsId,
    /// What had become of the token when the store was read.
    pub(crate) history: History,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Stage {
    /// The commit was stale: look again.
    Overtaken,
    Loaded,
    Decided {
        instant: u8,
    },
}

/// Sorted: which request came first is noticed by nobody.
#[derive(Clone, Copy, Hash)]
struct Flights([Option<Flight>; MOST_AT_ONCE]);

const MOST_AT_ONCE: usize = 5;

/// What happens in a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Sent(Ask),
    ReadAgain(Ask),
    Decided(Ask),
    CrashBefore(Ask),
    Stale(Ask),
    GaveUp(Ask),
    Committed(Ask, Option<Refusal>),
    CommitRefused(Ask, Refusal),
    Delivered { gift: u8, answer: Delivery },
    Client(super::client::Event),
    Clock(i64),
    Swept,
}

impl Model for Scenario {
    type State = World;
    type Event = Event;

    fn start(&self) -> World {
        self.tables.borrow_mut().forget_commits();
        self.start
    }

    fn next(&self, world: &World, steps: &mut Vec<Step<World, Event>>) {
        self.sendings(world, steps);
        let mut before = None;
        for (position, flight) in world.flights.0.iter().enumerate() {
            if flight.is_some() && *flight != before {
                self.advance(world, position, steps);
            }
            before = *flight;
        }
        self.deliveries(world, steps);
        self.rest(world, steps);
    }
}

impl Scenario {
    pub(crate) fn new(state: State, requests: u8) -> Self {
        let mut settings = Settings::new(cast::issuer());
        // So low that every scenario reaches it.
        settings.limits.wrong_verifiers = 1;
        let mut tables = Tables::default();
        Self {
            start: World::new(tables.store(state), tables.gifts(Vec::new())),
            settings,
            asks: |_| Vec::new(),
            requests,
            at_once: MOST_AT_ONCE,
            thefts: 0,
            instants: &[0],
            sweeps: Sweeps::Never,
            answers: Answers::AreSeen,
            assumptions: Assumptions::ALL,
            without: None,
            tables: RefCell::new(tables),
        }
    }

    pub(crate) fn time(&self, instant: u8) -> Time {
        cast::START + Seconds(self.instants[usize::from(instant)])
    }

    fn sendings(&self, world: &World, steps: &mut Vec<Step<World, Event>>) {
        let mut send = |ask: Ask, mut next: World| {
            self.launch(&mut next, ask, 0);
            steps.push(Step { what: Event::Sent(ask), to: Ok(next) });
        };
        if world.sent < self.requests && world.flights.of(|ask| !is_thefts(ask)) < self.at_once {
            let one_more = World { sent: world.sent + 1, ..*world };
            let asks = self.tables.borrow_mut().asks(world.gifts, self.asks);
            for ask in asks.iter() {
                send(*ask, one_more);
            }
            for (ask, client) in world.client.sendings(self.assumptions) {
                send(ask, World { client, ..one_more });
            }
        }
        if world.thefts < self.thefts && world.flights.of(is_thefts) < MOST_THEFTS_AT_ONCE {
            let one_more = World { thefts: world.thefts + 1, ..*world };
            let Holders { thief, others } = self.tables.borrow_mut().holders(world.gifts);
            let may_copy = |token: &&u8| world.stolen.is_none_or(|stolen| stolen == **token);
            for token in thief.iter().chain(others.iter().filter(may_copy)) {
                let stolen = world.stolen.or(others.contains(token).then_some(*token));
                let ask = Ask::Refresh { token: *token, by: Sender::Thief, scope: Scope::Granted };
                send(ask, World { stolen, ..one_more });
            }
        }
    }

    fn launch(&self, world: &mut World, ask: Ask, attempt: u8) {
        let mut tables = self.tables.borrow_mut();
        let facts = tables.facts(world.store, world.gifts, ask);
        let history = History::of(ask, &tables.gifts_of(world.gifts), cast::START);
        world.flights.add(Flight { ask, attempt, stage: Stage::Loaded, facts, history });
    }

    fn advance(&self, world: &World, position: usize, steps: &mut Vec<Step<World, Event>>) {
        let mut without = *world;
        let Some(flight) = without.flights.take(position) else { return };
        let ask = flight.ask;
        match flight.stage {
            Stage::Overtaken => {
                self.launch(&mut without, ask, flight.attempt);
                steps.push(Step { what: Event::ReadAgain(ask), to: Ok(without) });
            }
            Stage::Loaded => {
                without.flights.add(Flight { stage: Stage::Decided { instant: world.instant }, ..flight });
                steps.push(Step { what: Event::Decided(ask), to: Ok(without) });
            }
            Stage::Decided { instant } => {
                steps.push(self.commit(flight, instant, without));
                let what = Event::CrashBefore(ask);
                steps.push(Step { what, to: Ok(without.told(ask, Ended::Nothing)) });
            }
        }
    }

    /// `next` is the world without the flight.
    fn commit(&self, flight: Flight, instant: u8, mut next: World) -> Step<World, Event> {
        let ask = flight.ask;
        let committed =
            self.tables.borrow_mut().commit(self, (next.store, next.gifts), flight, [instant, next.instant]);
        match committed {
            Committed::Stale if flight.attempt + 1 < MAX_ATTEMPTS => {
                // What was read before is of no consequence any more.
                let (facts, history) = Default::default();
                next.flights.add(Flight { ask, attempt: flight.attempt + 1, stage: Stage::Overtaken, facts, history });
                Step { what: Event::Stale(ask), to: Ok(next) }
            }
            Committed::Stale => Step { what: Event::GaveUp(ask), to: Ok(next.told(ask, Ended::Nothing)) },
            Committed::Refused(refusal) => Step { what: Event::CommitRefused(ask, refusal), to: Ok(next) },
            Committed::Done { store, gifts, refusal, gift, works, broken } => {
                let what = Event::Committed(ask, refusal);
                let excused = next.client.was_late || self.is_late(flight, instant, refusal);
                let of_the_past = store == next.store && self.is_overtaken(&next, flight);
                let works = if of_the_past { Works::default() } else { works };
                if let Some(broken) = self.betrays(&next, ask, refusal, works, excused).or(broken) {
                    return Step { what, to: Err(broken) };
                }
                next.client.was_late = excused && ask.sender() == Some(Sender::Tab);
                let ended = gift.map_or(Ended::Refused, |gift| Ended::Answered { gift });
                Step { what, to: Ok(World { store, gifts, ..next }.told(ask, ended)) }
            }
        }
    }

    /// Whether the request would find something else by now. A refusal that writes nothing is judged as of its reading.
    fn is_overtaken(&self, world: &World, flight: Flight) -> bool {
        self.tables.borrow_mut().facts(world.store, world.gifts, flight.ask) != flight.facts
    }

    /// Whether a tab has only itself to blame: it showed a token again when the window had passed, or one that nobody used for
    /// too long.
    fn is_late(&self, flight: Flight, instant: u8, refusal: Option<Refusal>) -> bool {
        let used_for = flight.history.used_for(Seconds(self.instants[usize::from(instant)]));
        flight.ask.sender() == Some(Sender::Tab)
            && match used_for {
                Some(used_for) => used_for >= WINDOW,
                None => refusal == Some(Refusal::RefreshTokenIdle),
            }
    }

    /// The two promises to the honest client. `works` is what of all tokens still works after this commit.
    fn betrays(
        &self,
        world: &World,
        ask: Ask,
        refusal: Option<Refusal>,
        works: Works,
        excused: bool,
    ) -> Option<&'static str> {
        if ask.sender() != Some(Sender::Tab) {
            return None;
        }
        if self.thefts == 0 && refusal.is_some() && !excused {
            return Some("an honest client was logged out");
        }
        let stolen_works = world.stolen.is_some_and(|stolen| works.refresh_tokens & bit(stolen) != 0);
        let holds = stolen_works || works.of_thief;
        holds.then_some("after the honest client's refresh the thief holds something that works")
    }

    fn deliveries(&self, world: &World, steps: &mut Vec<Step<World, Event>>) {
        for (event, client) in world.client.events(self.assumptions) {
            steps.push(Step { what: Event::Client(event), to: Ok(World { client, ..*world }) });
        }
        if self.answers == Answers::MayBeLost {
            let mut tables = self.tables.borrow_mut();
            for (gift, answer, gifts) in tables.deliveries(world.gifts) {
                steps.push(Step { what: Event::Delivered { gift, answer }, to: Ok(World { gifts, ..*world }) });
            }
        }
    }

    /// What happens by itself.
    fn rest(&self, world: &World, steps: &mut Vec<Step<World, Event>>) {
        if self.sweeps == Sweeps::AtAnyTime {
            let swept = self.tables.borrow_mut().sweep((world.store, world.gifts), self.time(world.instant));
            match swept {
                Ok(store) if store == world.store => {}
                Ok(store) => steps.push(Step { what: Event::Swept, to: Ok(World { store, ..*world }) }),
                Err(broken) => steps.push(Step { what: Event::Swept, to: Err(broken) }),
            }
        }
        if usize::from(world.instant) + 1 < self.instants.len() {
            let later = World { instant: world.instant + 1, ..*world };
            let what = Event::Clock(self.instants[usize::from(later.instant)]);
            steps.push(Step { what, to: Ok(later) });
        }
    }

    /// Lets this be asked and answered, before the exploration begins.
    pub(crate) fn after(mut self, ask: Ask) -> Self {
        let mut world = self.start;
        self.launch(&mut world, ask, 0);
        let flight = world.flights.take(MOST_AT_ONCE - 1).unwrap();
        self.start = self.commit(flight, 0, world).to.unwrap();
        self
    }
}

/// REFRESH-10, whatever a scenario's settings say.
pub(crate) const WINDOW: Seconds = Seconds(30);

const MOST_THEFTS_AT_ONCE: usize = 2;

fn is_thefts(ask: Ask) -> bool {
    ask.sender() == Some(Sender::Thief)
}

/// What still works, by the gift it came with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Works {
    pub(crate) refresh_tokens: u32,
    /// Anything that was given to the thief.
    pub(crate) of_thief: bool,
}

pub(crate) fn bit(gift: u8) -> u32 {
    1 << gift
}

impl World {
    fn new(store: StoreId, gifts: GiftsId) -> Self {
        let flights = Flights([None; MOST_AT_ONCE]);
        Self { store, gifts, instant: 0, sent: 0, thefts: 0, stolen: None, client: HonestClient::ABSENT, flights }
    }

    /// The tab that sent this knows how it ended.
    fn told(self, ask: Ask, ended: Ended) -> Self {
        let Ask::Refresh { token, by: Sender::Tab, .. } = ask else { return self };
        Self { client: self.client.after(token, ended), ..self }
    }
}

impl Flights {
    fn of(&self, which: fn(Ask) -> bool) -> usize {
        self.0.iter().flatten().filter(|flight| which(flight.ask)).count()
    }

    fn add(&mut self, flight: Flight) {
        // None sorts before all flights.
        assert!(self.0[0].is_none(), "no more than {MOST_AT_ONCE} requests fly at once");
        self.0[0] = Some(flight);
        self.0.sort_unstable();
    }

    fn take(&mut self, position: usize) -> Option<Flight> {
        let flight = self.0[position].take();
        self.0[..=position].rotate_right(1);
        flight
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(ask) => write!(f, "{ask}: sent, and the store is read"),
            Self::ReadAgain(ask) => write!(f, "{ask}: the store is read again"),
            Self::Decided(ask) => write!(f, "{ask}: decided"),
            Self::CrashBefore(ask) => write!(f, "{ask}: a crash before the commit"),
            Self::Stale(ask) => write!(f, "{ask}: the commit is stale"),
            Self::GaveUp(ask) => write!(f, "{ask}: gives up after {MAX_ATTEMPTS} attempts"),
            Self::Committed(ask, None) => write!(f, "{ask}: committed"),
            Self::Committed(ask, Some(refusal)) => write!(f, "{ask}: committed, refused with {refusal:?}"),
            Self::CommitRefused(ask, refusal) => write!(f, "{ask}: the commit refuses, {refusal:?}"),
            Self::Delivered { gift, answer: Delivery::Lost } => {
                write!(f, "the answer with refresh token {gift} is lost")
            }
            Self::Delivered { gift, .. } => write!(f, "the answer with refresh token {gift} arrives"),
            Self::Client(event) => event.fmt(f),
            Self::Clock(to) => write!(f, "the clock now stands at {to} s"),
            Self::Swept => f.write_str("the store is swept"),
        }
    }
}
