//! What a scenario looks up instead of doing it again: far fewer stores, facts and commits are distinct than states.
//!
//! Equal things get equal numbers. Everything here is a pure function of what it is looked up by.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use grantd_protocol::changes::Commit;
use grantd_protocol::facts::Facts;
use grantd_protocol::names::GrantId;
use grantd_protocol::records::{EndedThing, GrantState};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::state::{Records, State};
use grantd_tokens::Time;

use super::ask::{Answer, Ask, Judged, Request, Sender};
use super::cast;
use super::gifts::{self, Delivery, Gift, Payment, Tokens};
use super::invariants;
use super::shell::{Answers, Flight, Scenario, Works, bit};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoreId(u32);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GiftsId(u32);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FactsId(u32);

#[derive(Default)]
pub(crate) struct Tables {
    stores: Numbered<State>,
    facts: Numbered<Facts>,
    gifts: Numbered<Vec<Gift>>,
    asks: HashMap<GiftsId, Rc<[Ask]>>,
    holders: HashMap<GiftsId, Holders>,
    loads: HashMap<(StoreId, GiftsId, Ask), FactsId>,
    commits: HashMap<(StoreId, GiftsId, Flight, [u8; 2]), Committed>,
    sweeps: HashMap<(StoreId, GiftsId, Time), Result<StoreId, &'static str>>,
}

/// Things by number, each once. Told apart by 128 bits: not all of them have a hash of their own.
struct Numbered<T> {
    things: Vec<Rc<T>>,
    numbers: HashMap<[u64; 2], u32>,
}

/// The tokens that were given to the thief; and those of which they may have copied one.
#[derive(Clone)]
pub(crate) struct Holders {
    pub(crate) thief: Rc<[u8]>,
    pub(crate) others: Rc<[u8]>,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Committed {
    Stale,
    Refused(Refusal),
    Done {
        store: StoreId,
        gifts: GiftsId,
        /// The answer was a refusal, and that may write, too.
        refusal: Option<Refusal>,
        gift: Option<u8>,
        works: Works,
        broken: Option<&'static str>,
    },
}

impl Tables {
    pub(crate) fn store(&mut self, state: State) -> StoreId {
        StoreId(self.stores.number(fingerprint(&state), state))
    }

    pub(crate) fn gifts(&mut self, gifts: Vec<Gift>) -> GiftsId {
        GiftsId(self.gifts.number(fingerprint(&gifts), gifts))
    }

    pub(crate) fn gifts_of(&self, gifts: GiftsId) -> Rc<Vec<Gift>> {
        Rc::clone(&self.gifts.things[gifts.0 as usize])
    }

    fn store_of(&self, store: StoreId) -> Rc<State> {
        Rc::clone(&self.stores.things[store.0 as usize])
    }

    /// A scenario may have been changed since.
    pub(crate) fn forget_commits(&mut self) {
        self.commits.clear();
        self.asks.clear();
        self.sweeps.clear();
    }

    pub(crate) fn asks(&mut self, gifts: GiftsId, asks: fn(&[Gift]) -> Vec<Ask>) -> Rc<[Ask]> {
        let given = &self.gifts.things[gifts.0 as usize];
        Rc::clone(self.asks.entry(gifts).or_insert_with(|| asks(given).into()))
    }

    /// Who was given which tokens.
    pub(crate) fn holders(&mut self, gifts: GiftsId) -> Holders {
        let given = &self.gifts.things[gifts.0 as usize];
        let whose = |thief: bool| {
            gifts::tokens(given).filter(|(_, it)| (it.to == Sender::Thief) == thief).map(|(at, _)| at).collect()
        };
        self.holders.entry(gifts).or_insert_with(|| Holders { thief: whose(true), others: whose(false) }).clone()
    }

    pub(crate) fn facts(&mut self, store: StoreId, gifts: GiftsId, ask: Ask) -> FactsId {
        if let Some(known) = self.loads.get(&(store, gifts, ask)) {
            return *known;
        }
        let request = ask.request(&self.gifts_of(gifts));
        let facts = self.store_of(store).load(&cast::issuer(), &request.lookup());
        let number = FactsId(self.facts.number(fingerprint_of(&facts), facts));
        self.loads.insert((store, gifts, ask), number);
        number
    }

    /// Writes what was decided at the first of these instants, at the second.
    pub(crate) fn commit(
        &mut self,
        scenario: &Scenario,
        (store, gifts): (StoreId, GiftsId),
        flight: Flight,
        instants: [u8; 2],
    ) -> Committed {
        let key = (store, gifts, flight, instants);
        if let Some(known) = self.commits.get(&key) {
            return *known;
        }
        let committed = self.commit_anew(scenario, (store, gifts), flight, instants.map(|at| scenario.time(at)));
        self.commits.insert(key, committed);
        committed
    }

    fn commit_anew(
        &mut self,
        scenario: &Scenario,
        (store, gifts): (StoreId, GiftsId),
        flight: Flight,
        [at, now]: [Time; 2],
    ) -> Committed {
        let (state, mut given) = (self.store_of(store), Vec::clone(&self.gifts_of(gifts)));
        let facts = Rc::clone(&self.facts.things[flight.facts.0 as usize]);
        let request: Request = flight.ask.request(&given);
        let before = state.records(&cast::issuer()).unwrap();
        let judged = request.decide(&facts, before, (at, &scenario.settings), given.len());
        let mut after = State::clone(&state);
        match after.commit_without(&cast::issuer(), &judged.changes, scenario.without) {
            Commit::Stale => {
                assert!(after == *state, "a commit that is not done has written something");
                return Committed::Stale;
            }
            Commit::Refused(refusal) => {
                assert!(after == *state, "a commit that is not done has written something");
                return Committed::Refused(refusal);
            }
            Commit::Done => {}
        }
        let gift = gift_of(scenario, flight.ask, &judged, at);
        let named = gift.as_ref().map(|_| u8::try_from(given.len()).unwrap());
        given.extend(gift);
        let records = after.records(&cast::issuer()).unwrap();
        let (ask, history) = (flight.ask, flight.history);
        let committed = invariants::Committed {
            ask,
            at,
            now,
            facts: &facts,
            judged: &judged,
            before,
            after: records,
            history,
            gifts: &given,
        };
        let broken = invariants::judge(&committed, &scenario.settings).err();
        let works = works(records, &given, now);
        let refusal = judged.answer.err();
        Committed::Done { store: self.store(after), gifts: self.gifts(given), refusal, gift: named, works, broken }
    }

    pub(crate) fn sweep(&mut self, (store, gifts): (StoreId, GiftsId), now: Time) -> Result<StoreId, &'static str> {
        if let Some(known) = self.sweeps.get(&(store, gifts, now)) {
            return *known;
        }
        let before = self.store_of(store);
        let mut swept = State::clone(&before);
        swept.sweep(&cast::issuer(), now);
        let records = [before.records(&cast::issuer()).unwrap(), swept.records(&cast::issuer()).unwrap()];
        let verdict = invariants::judge_sweep(records, &self.gifts_of(gifts));
        let swept = verdict.map(|()| self.store(swept));
        self.sweeps.insert((store, gifts, now), swept);
        swept
    }

    /// Each answer that is on its way, delivered or lost.
    pub(crate) fn deliveries(&mut self, gifts: GiftsId) -> Vec<(u8, Delivery, GiftsId)> {
        let given = self.gifts_of(gifts);
        let underway = gifts::tokens(&given).filter(|(_, it)| it.answer == Delivery::Underway);
        let ends = underway.flat_map(|(at, it)| [(at, it, Delivery::Arrived), (at, it, Delivery::Lost)]);
        ends.map(|(at, tokens, answer)| {
            let mut then = Vec::clone(&given);
            then[usize::from(at)] = Gift::Tokens(Tokens { answer, ..tokens.clone() });
            (at, answer, self.gifts(then))
        })
        .collect()
    }
}

fn gift_of(scenario: &Scenario, ask: Ask, judged: &Judged, at: Time) -> Option<Gift> {
    match (&judged.answer, ask) {
        (Ok(Answer::Tokens { refresh_token, access_token, .. }), Ask::Redeem { by, .. } | Ask::Refresh { by, .. }) => {
            let paid_with = match ask {
                Ask::Refresh { token, .. } => Payment::RefreshToken(token),
                _ => Payment::Code(0),
            };
            let answer = match scenario.answers {
                Answers::MayBeLost => Delivery::Underway,
                Answers::AreSeen => Delivery::Arrived,
            };
            let (refresh_token, access_token) = (refresh_token.clone(), access_token.clone());
            Some(Gift::Tokens(Tokens { paid_with, at, to: by, answer, refresh_token, access_token }))
        }
        (Ok(Answer::Code), _) => Some(Gift::Code),
        (Ok(Answer::SignedIn), _) => Some(Gift::Session),
        (Ok(Answer::Admitted), _) => Some(Gift::Admission),
        (Ok(Answer::UserAdded), _) => Some(Gift::User),
        (Err(Refusal::UserDenied), _) => Some(Gift::Denial),
        _ => None,
    }
}

/// Which of the tokens that were given can still be used.
fn works(records: &Records, gifts: &[Gift], now: Time) -> Works {
    let mut works = Works::default();
    for (at, tokens) in gifts::tokens(gifts) {
        let stands =
            |grant: &GrantId| records.grants.get(grant).is_some_and(|grant| grant.state == GrantState::Standing);
        let held = records.refresh_tokens.get(&tokens.hash());
        let is_live =
            held.is_some_and(|held| stands(&held.grant) && invariants::is_unspent(held) && now < held.expires_at);
        let access_token = &tokens.access_token;
        let is_ended = records.ended.contains_key(&EndedThing::AccessToken(access_token.id.clone()));
        let under_a_grant = access_token.id.grant().is_some_and(|grant| stands(&grant));
        let opens = !is_ended && under_a_grant && now < access_token.expires_at;
        works.refresh_tokens |= if is_live { bit(at) } else { 0 };
        works.of_thief |= tokens.to == Sender::Thief && (is_live || opens);
    }
    works
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { things: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T> Numbered<T> {
    fn number(&mut self, fingerprint: [u64; 2], thing: T) -> u32 {
        let next = u32::try_from(self.things.len()).unwrap();
        let number = *self.numbers.entry(fingerprint).or_insert(next);
        if number == next {
            self.things.push(Rc::new(thing));
        }
        number
    }
}

/// 128 bits: among a million, two that share a fingerprint are less likely than a fault of the machine.
fn fingerprint(thing: &impl Hash) -> [u64; 2] {
    [1_u8, 2].map(|half| {
        let mut hasher = DefaultHasher::new();
        half.hash(&mut hasher);
        thing.hash(&mut hasher);
        hasher.finish()
    })
}

/// Facts have no hash of their own. What no request of a scenario asks for is left out.
fn fingerprint_of(facts: &Facts) -> [u64; 2] {
    let Facts { client, resources, code, refresh_token, successor, grant, .. } = facts;
    let Facts { grant_session, session, user, pending, consent, attempts, .. } = facts;
    fingerprint(&(
        (client, resources, code, refresh_token, successor, grant),
        (grant_session, session, user, pending, consent, attempts),
    ))
}
