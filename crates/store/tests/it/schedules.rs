//! The queue and the batches of group commit in every order that a scheduler comes up with: the source itself, compiled against
//! threads and channels that stop at each step. What is committed to is the reference state.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::records::{GrantState, Redemption, Revocation, Session, SessionState, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::state::{Guard, State};
use grantd_tokens::Time;
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::{Arc, Mutex};
use shuttle::{Config, FailurePersistence, Runner, thread};

use crate::records::{code, digest, grant, grant_id, issuer, refresh_token, session, user};

#[path = "../../src/sqlite/batching.rs"]
mod batching;

/// What `batching.rs` meets at, where every step is the scheduler's.
mod sync {
    pub(crate) use shuttle::sync::Arc;
    pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
    pub(crate) use tokio::sync::oneshot;
}

use batching::{Bounds, Committer, NotTaken, Queue, Tidied, answer_until_closed, queue};

const SCHEDULES: usize = 1_000;
/// Of each way in which something goes wrong.
const FEWER: usize = 200;
const MOST: usize = 3;

// proves: CODE-03, STORE-02
#[test]
fn in_no_order_of_commits_is_a_code_redeemed_or_a_refresh_token_spent_twice() {
    every_order(SCHEDULES, || town(Plan::default()));
}

#[test]
fn without_their_guards_an_order_is_found_in_which_they_are() {
    for without in [Guard::Unredeemed, Guard::Unspent, Guard::GrantStands] {
        let found = an_order_fails(move || town(Plan { without: Some(without), ..Plan::default() }));
        assert!(found, "{without:?} guards nothing that is looked at");
    }
}

// proves: STORE-05
#[test]
fn an_order_is_found_in_which_an_answer_before_its_commit_shows() {
    assert!(an_order_fails(|| town(Plan { publishes: Publishes::AfterAnswers, ..Plan::default() })));
}

#[test]
fn whoever_commits_may_panic_or_die_and_nobody_is_left_without_an_answer() {
    for dies in [Dies::InABatch(1), Dies::InABatch(2), Dies::Altogether(1), Dies::Altogether(2)] {
        every_order(FEWER, move || town(Plan { dies, ..Plan::default() }));
    }
}

#[test]
fn in_every_order_what_finds_no_room_is_told_so_and_never_done() {
    every_order(FEWER, || town(Plan { bounds: Bounds { jobs: 1, bytes: usize::MAX }, ..Plan::default() }));
    every_order(FEWER, || town(Plan { bounds: Bounds { jobs: 16, bytes: 2 * SIZE }, ..Plan::default() }));
}

fn every_order(schedules: usize, scenario: impl Fn() + Send + Sync + Copy + 'static) {
    explore(RandomScheduler::new_from_seed(SEED, schedules), scenario);
    explore(PctScheduler::new_from_seed(SEED, 3, schedules), scenario);
}

fn an_order_fails(scenario: impl Fn() + Send + Sync + Copy + 'static) -> bool {
    catch_unwind(AssertUnwindSafe(|| explore(RandomScheduler::new_from_seed(SEED, SCHEDULES), scenario))).is_err()
}

fn explore(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(scenario);
}

const SEED: u64 = 20_261_122;

/// How this town differs from a sound one.
#[derive(Clone, Copy)]
struct Plan {
    without: Option<Guard>,
    publishes: Publishes,
    dies: Dies,
    bounds: Bounds,
}

impl Default for Plan {
    fn default() -> Self {
        let bounds = Bounds { jobs: 16, bytes: usize::MAX };
        Self { without: None, publishes: Publishes::BeforeAnswers, dies: Dies::Never, bounds }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Publishes {
    BeforeAnswers,
    AfterAnswers,
}

/// In which of its commits.
#[derive(Clone, Copy, PartialEq)]
enum Dies {
    Never,
    InABatch(u32),
    Altogether(u32),
}

/// The state as whoever loads sees it.
type Published = Arc<Mutex<Arc<State>>>;

/// Commits to the reference state. What it has not published yet, nobody sees.
struct Ledger {
    published: Published,
    working: State,
    plan: Plan,
    commits: u32,
}

/// The commit panicked.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lost;

impl Ledger {
    fn publish(&self) {
        *self.published.lock().unwrap() = Arc::new(self.working.clone());
    }
}

impl Committer for Ledger {
    type Job = Vec<Change>;
    type Answer = Result<Commit, Lost>;

    fn commit(&mut self, jobs: &[Vec<Change>]) -> Vec<Result<Commit, Lost>> {
        assert!(!jobs.is_empty() && jobs.len() <= MOST);
        self.commits += 1;
        let mut outcomes = Vec::new();
        for changes in jobs {
            outcomes.push(Ok(self.working.commit_without(&issuer(0), changes, self.plan.without)));
            thread::yield_now();
        }
        if matches!(self.plan.dies, Dies::InABatch(at) | Dies::Altogether(at) if at == self.commits) {
            // A panic that no hook hears of: there are thousands of them.
            resume_unwind(Box::new("in a commit"));
        }
        if self.plan.publishes == Publishes::BeforeAnswers {
            self.publish();
        }
        outcomes
    }

    fn recover(&mut self) -> Result<Commit, Lost> {
        if matches!(self.plan.dies, Dies::Altogether(_)) {
            resume_unwind(Box::new("and after it"));
        }
        self.working = State::clone(&self.published.lock().unwrap());
        Err(Lost)
    }

    fn answered(&mut self) {
        thread::yield_now();
        self.publish();
    }

    fn tidy(&mut self) -> Tidied {
        Tidied::Everything
    }
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Outcome(Commit),
    /// A fault: it may not count on anything.
    Lost,
    /// Nothing was taken.
    NotTaken,
}

#[derive(Clone)]
struct Client {
    queue: Arc<Queue<Vec<Change>, Result<Commit, Lost>>>,
    published: Published,
}

const SIZE: usize = 100;

impl Client {
    fn load(&self, lookup: &Lookup) -> Facts {
        let published = Arc::clone(&self.published.lock().unwrap());
        published.load(&issuer(0), lookup)
    }

    fn commit(&self, changes: Vec<Change>) -> Told {
        match self.queue.push(changes, SIZE) {
            Ok(answer) => match block_on(answer) {
                Ok(Ok(commit)) => Told::Outcome(commit),
                Ok(Err(Lost)) | Err(_) => Told::Lost,
            },
            Err(NotTaken::Full | NotTaken::Closed) => Told::NotTaken,
        }
    }

    /// Spends a code or a token for the refresh token of its own number, as the protocol does: load, decide, commit, and again
    /// where another was first. Whatever was spent before ends the grant.
    fn spends(&self, spent: Spent, number: u64) -> Told {
        loop {
            let facts = self.load(&spent.lookup());
            let grant = facts.grant.as_ref().unwrap();
            let (id, narrowings) = (grant.id.clone(), grant.narrowings);
            let again = spent.is_spent(&facts);
            let changes = if again {
                vec![Change::RevokeGrant { grant: id, at: Time(9), because: Revocation::CodeReplayed }]
            } else if grant.state == GrantState::Standing {
                let use_grant = Change::UseGrant { grant: id, narrowings, at: Time(5) };
                vec![spent.change(number), use_grant, Change::AddRefreshToken(refresh_token(number, 0))]
            } else {
                return Told::Outcome(Commit::Stale);
            };
            let told = self.commit(changes);
            let is_there = || self.finds(number);
            match told {
                Told::Outcome(Commit::Stale) => continue,
                Told::Outcome(Commit::Done) if again => {
                    assert!(self.is_ended(), "a revocation was answered before it was there");
                    return Told::Outcome(Commit::Stale);
                }
                Told::Outcome(Commit::Done) => assert!(is_there(), "answered before it was there"),
                Told::NotTaken => assert!(!is_there(), "not taken, and done"),
                Told::Outcome(Commit::Refused(_)) | Told::Lost => {}
            }
            return if again { Told::Outcome(Commit::Stale) } else { told };
        }
    }

    fn revokes(&self) {
        let because = Revocation::EndedByUser;
        let told = self.commit(vec![Change::RevokeGrant { grant: grant_id(0), at: Time(9), because }]);
        if told == Told::Outcome(Commit::Done) {
            assert!(self.is_ended(), "a revocation was answered before it was there");
            let after = self.commit(vec![Change::AddRefreshToken(refresh_token(999, 0))]);
            assert_ne!(after, Told::Outcome(Commit::Done), "added to a grant after its end was acknowledged");
        }
    }

    fn finds(&self, number: u64) -> bool {
        let refresh_token = Some(digest("refresh", number));
        self.load(&Lookup { refresh_token, ..Lookup::default() }).refresh_token.is_some()
    }

    fn is_ended(&self) -> bool {
        self.load(&Spent::Code.lookup()).grant.unwrap().state != GrantState::Standing
    }
}

/// What two clients have of the same.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spent {
    Code,
    RefreshToken,
}

impl Spent {
    fn lookup(self) -> Lookup {
        match self {
            Self::Code => Lookup { code: Some(digest("code", 0)), ..Lookup::default() },
            Self::RefreshToken => Lookup { refresh_token: Some(digest("refresh", 0)), ..Lookup::default() },
        }
    }

    fn is_spent(self, facts: &Facts) -> bool {
        match self {
            Self::Code => facts.code.as_ref().unwrap().redemption != Redemption::Pending,
            Self::RefreshToken => facts.refresh_token.as_ref().unwrap().spending != Spending::Unspent,
        }
    }

    fn change(self, number: u64) -> Change {
        match self {
            Self::Code => Change::RedeemCode { code: digest("code", 0), at: Time(5) },
            Self::RefreshToken => {
                let (token, successor) = (digest("refresh", 0), digest("refresh", number));
                Change::SpendRefreshToken { token, successor, at: Time(5) }
            }
        }
    }
}

/// Three who redeem one code, three who spend one refresh token, and one who takes the grant back, each a thread.
fn town(plan: Plan) {
    let mut working = State::default();
    assert_eq!(working.commit(&issuer(0), &few_records()), Commit::Done);
    let published = Arc::new(Mutex::new(Arc::new(working.clone())));
    let (waiting, arrivals) = queue(plan.bounds);
    let mut ledger = Ledger { published: published.clone(), working, plan, commits: 0 };
    let writer = thread::spawn(move || answer_until_closed(&arrivals, MOST, &mut ledger));
    let client = Client { queue: Arc::new(waiting), published };
    let spenders: Vec<_> = (0..6)
        .map(|number| {
            let (client, spent) = (client.clone(), if number < 3 { Spent::Code } else { Spent::RefreshToken });
            thread::spawn(move || (spent, client.spends(spent, 100 + number)))
        })
        .collect();
    let revoker = thread::spawn({
        let client = client.clone();
        move || client.revokes()
    });
    let told: Vec<_> = spenders.into_iter().map(|spender| spender.join().unwrap()).collect();
    revoker.join().unwrap();
    let Client { queue, published } = client;
    drop(queue);
    writer.join().unwrap();
    check(&told, &published.lock().unwrap());
}

/// What the changes of this town are about, and nothing else: it is copied at each commit.
fn few_records() -> Vec<Change> {
    let session = Session { state: SessionState::Live, ..session(0, 0, 40) };
    vec![
        Change::AddUser { user: user(0, 0, 0), or: Refusal::NameTaken },
        Change::AddSession { session, credentials_generation: 0 },
        Change::AddGrant(grant(0, 0, 0, 50)),
        Change::AddCode(code(0, 0, 20)),
        Change::AddRefreshToken(refresh_token(0, 0)),
    ]
}

/// Whatever the order was.
fn check(told: &[(Spent, Told)], end: &State) {
    let records = end.records(&issuer(0)).unwrap();
    for spent in [Spent::Code, Spent::RefreshToken] {
        let answered = told.iter().filter(|told| **told == (spent, Told::Outcome(Commit::Done))).count();
        assert!(answered <= 1, "{spent:?} was spent {answered} times");
        let numbers = if spent == Spent::Code { 100..103 } else { 103..106 };
        let paid_for =
            numbers.filter(|number| records.refresh_tokens.contains_key(&digest("refresh", *number))).count();
        let is_lost = told.contains(&(spent, Told::Lost));
        assert!(paid_for == answered || (paid_for == 1 && is_lost), "{spent:?} paid for {paid_for} tokens");
    }
    assert!(!records.refresh_tokens.contains_key(&digest("refresh", 999)), "added to a grant that had ended");
}
