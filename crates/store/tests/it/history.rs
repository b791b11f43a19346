//! Many who write at once and note how each was answered; and whether the answers are true of what is there.
//!
//! Three kinds of work, each of which would show another mistake: a count (done twice, or lost), codes that two redeem at once (spent
//! twice, or by halves), and chains of refresh tokens (acknowledged and not there).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{AttemptKey, Redemption, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Store, StoreFault};
use grantd_tokens::{Seconds, Time};
use tokio::task::JoinSet;

use crate::records::{code, digest, issuer, network, refresh_token};

/// How one commit was answered.
type Answer = Result<Commit, StoreFault>;

/// Work that goes on until it is ended.
pub(crate) struct Load {
    goes_on: Arc<AtomicBool>,
    workers: JoinSet<Notes>,
}

/// What one worker was answered.
#[derive(Default)]
struct Notes {
    counts: Vec<Answer>,
    /// The number of the code, that of the token it was to pay for, and the answer.
    redemptions: Vec<(u64, u64, Answer)>,
    /// The tokens of one chain, each spent for the next, and how that was answered.
    spendings: Vec<(u64, u64, Answer)>,
    reads: Vec<StoreFault>,
}

/// All that was answered.
pub(crate) struct Account {
    notes: Vec<Notes>,
}

/// Counts one more attempt, without a limit that matters: done twice it counts two.
pub(crate) fn count_attempt() -> Change {
    let (window, limit) = (Seconds(1_000_000), u32::MAX);
    Change::CountAttempt { key: key(), at: Time(5), window, limit, or: Refusal::SignInThrottled }
}

fn key() -> AttemptKey {
    AttemptKey::Network(network(0))
}

/// How many were counted.
pub(crate) async fn counted(store: &Store) -> u32 {
    let lookup = Lookup { attempts: vec![key()], ..Lookup::default() };
    store.load(&issuer(0), &lookup).await.unwrap().attempts.first().map_or(0, |attempts| attempts.count)
}

impl Load {
    /// So many workers, on the stores by turns. What they write hangs on grant 0 of `beginning()`.
    pub(crate) fn begin(stores: Vec<Store>, workers: u64) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let mut running = JoinSet::new();
        for (number, store) in (0..workers).zip(stores.into_iter().cycle()) {
            running.spawn(work(number, store, goes_on.clone()));
        }
        Self { goes_on, workers: running }
    }

    pub(crate) async fn end(self) -> Account {
        self.goes_on.store(false, Ordering::SeqCst);
        Account { notes: self.workers.join_all().await }
    }
}

/// Two neighbours redeem the same codes.
async fn work(worker: u64, store: Store, goes_on: Arc<AtomicBool>) -> Notes {
    let mut notes = Notes::default();
    let commit = async |changes| store.commit(&issuer(0), changes).await;
    let mut live = 1_000_000 * (worker + 1);
    notes.spendings.push((live, live, commit(vec![Change::AddRefreshToken(refresh_token(live, 0))]).await));
    for round in 0.. {
        if !goes_on.load(Ordering::SeqCst) {
            break;
        }
        notes.counts.push(commit(vec![count_attempt()]).await);

        let (both, pays_for) = (10_000_000 * (worker / 2 + 1) + round, 500_000 + 1_000_000 * worker + round);
        // Whoever is second finds it there.
        let _ = commit(vec![Change::AddCode(code(both, 0, 50))]).await;
        let redeem = Change::RedeemCode { code: digest("code", both), at: Time(5) };
        let redeemed = commit(vec![redeem, Change::AddRefreshToken(refresh_token(pays_for, 0))]).await;
        notes.redemptions.push((both, pays_for, redeemed));

        let (token, successor) = (digest("refresh", live), digest("refresh", live + 1));
        let trade = Change::SpendRefreshToken { token, successor, at: Time(5) };
        let spent = commit(vec![trade, Change::AddRefreshToken(refresh_token(live + 1, 0))]).await;
        notes.spendings.push((live, live + 1, spent.clone()));
        let lookup = Lookup { refresh_token: Some(token), ..Lookup::default() };
        match store.load(&issuer(0), &lookup).await {
            // Whoever does not know looks, and goes on from what is there.
            Ok(facts) => {
                let spending = facts.refresh_token.map(|token| token.spending);
                let is_spent = matches!(spending, Some(Spending::Spent { .. }));
                assert!(spent != Ok(Commit::Done) || is_spent, "{live} was acknowledged and is not spent");
                live += u64::from(is_spent);
            }
            Err(fault) => {
                notes.reads.push(fault);
                live += u64::from(spent == Ok(Commit::Done));
            }
        }
    }
    notes
}

/// Whether it may have been done although it was answered with a fault. All others say that it was not.
fn is_open(answer: &Answer) -> bool {
    matches!(answer, Err(StoreFault::Unknown { .. } | StoreFault::Io { .. }))
}

impl Account {
    /// Everything that was acknowledged is there, once; nothing that was said not to be done is; nothing is there by halves. Others
    /// have counted so many besides.
    pub(crate) async fn check(&self, store: &Store, besides: u32) {
        let counts: Vec<&Answer> = self.notes.iter().flat_map(|notes| &notes.counts).collect();
        let done = number(counts.iter().filter(|answer| ***answer == Ok(Commit::Done)).count());
        let open = number(counts.iter().filter(|answer| is_open(answer)).count());
        let counted = counted(store).await - besides;
        assert!(done <= counted && counted <= done + open, "{done} done, {open} not known, {counted} counted");
        for notes in &self.notes {
            assert!(notes.counts.iter().all(|answer| matches!(answer, Ok(Commit::Done) | Err(_))));
            notes.check_spendings(store).await;
        }
        self.check_redemptions(store).await;
    }

    /// Each code was for two, and paid for one token, or for none.
    async fn check_redemptions(&self, store: &Store) {
        let mut of_code: BTreeMap<u64, Vec<(u64, &Answer)>> = BTreeMap::new();
        for (code, token, answer) in self.notes.iter().flat_map(|notes| &notes.redemptions) {
            of_code.entry(*code).or_default().push((*token, answer));
        }
        for (code, answers) in of_code {
            let lookup = Lookup { code: Some(digest("code", code)), ..Lookup::default() };
            let kept = store.load(&issuer(0), &lookup).await.unwrap().code;
            let mut paid_for = 0;
            for (token, answer) in &answers {
                let is_there = is_there(store, *token).await;
                paid_for += usize::from(is_there);
                assert!(**answer != Ok(Commit::Done) || is_there, "{code} was acknowledged, and {token} is not there");
                let is_known = matches!(answer, Ok(Commit::Done)) || is_open(answer);
                assert!(is_known || !is_there, "{code} ended as {answer:?}, and {token} is there");
            }
            let is_redeemed = kept.is_some_and(|code| code.redemption != Redemption::Pending);
            assert_eq!(paid_for, usize::from(is_redeemed), "{code}: {answers:?}");
        }
    }

    /// Every answer that was none.
    pub(crate) fn faults(&self) -> Vec<StoreFault> {
        let of = |notes: &Notes| {
            let redeemed = notes.redemptions.iter().map(|(_, _, answer)| answer);
            let spent = notes.spendings.iter().map(|(_, _, answer)| answer);
            let written = notes.counts.iter().chain(redeemed).chain(spent).filter_map(|answer| answer.clone().err());
            written.chain(notes.reads.iter().cloned()).collect::<Vec<_>>()
        };
        self.notes.iter().flat_map(of).collect()
    }

    pub(crate) fn summary(&self) -> String {
        let answers: usize =
            self.notes.iter().map(|notes| notes.counts.len() + notes.redemptions.len() + notes.spendings.len()).sum();
        let mut faults = self.faults();
        let number = faults.len();
        faults.dedup();
        format!("{answers} commits, {number} faults: {faults:?}")
    }
}

impl Notes {
    async fn check_spendings(&self, store: &Store) {
        let mut in_doubt = HashSet::new();
        for (token, successor, answer) in &self.spendings {
            match answer {
                Ok(Commit::Done) => {
                    assert!(is_there(store, *successor).await, "{successor} was acknowledged and is not there");
                    let spending = spending(store, *token).await;
                    let by = Spending::Spent { at: Time(5), successor: digest("refresh", *successor) };
                    assert!(token == successor || spending == Some(by), "{token} ended as {spending:?}");
                }
                // What was in doubt had been done.
                Ok(Commit::Stale) => assert!(in_doubt.contains(token), "{token} was spent by nobody"),
                Ok(Commit::Refused(refusal)) => panic!("{refusal:?}"),
                Err(_) if is_open(answer) => {
                    in_doubt.insert(token);
                }
                Err(_) => {}
            }
        }
    }
}

async fn spending(store: &Store, token: u64) -> Option<Spending> {
    let lookup = Lookup { refresh_token: Some(digest("refresh", token)), ..Lookup::default() };
    store.load(&issuer(0), &lookup).await.unwrap().refresh_token.map(|token| token.spending)
}

async fn is_there(store: &Store, token: u64) -> bool {
    spending(store, token).await.is_some()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}
