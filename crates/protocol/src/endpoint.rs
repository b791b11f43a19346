//! The contract between the core and whoever drives it: look up, decide, write down.
//!
//! Owns the shape of a decision and the record of its checks. Knows no endpoint. Start at [`Endpoint`].

use grantd_tokens::{JwkSet, Random, Time};

use crate::authorize::ErrorRedirect;
use crate::changes::Change;
use crate::events::Note;
use crate::facts::{Facts, Lookup};
use crate::names::{DetailTypeName, ResourceId, UserId};
use crate::refusals::Refusal;
use crate::settings::Settings;

/// A request that was parsed, and what is to be done about it.
pub trait Endpoint {
    /// What is said when it is not refused.
    type Answer;

    /// The keys the caller named.
    fn lookup(&self) -> Lookup;

    /// The decision. Pure: the same request, facts, time and randomness give the same result.
    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Self::Answer>;
}

/// Everything a decision may know besides the request and the records.
pub struct Env<'a> {
    /// The one clock (INV-09).
    pub now: Time,
    /// The one source of unguessable values (KEYS-14).
    pub random: &'a mut dyn Random,
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The keys that this server's own tokens are signed with, as far as they still count (KEYS-03).
    pub keys: &'a JwkSet,
}

/// What comes of deciding.
#[derive(Debug)]
pub enum Next<A> {
    /// Decided.
    Done(Decision<A>),
    /// Something must be fetched and kept first; then load and decide again.
    Fetch(Fetch),
}

/// What must be fetched before a decision can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Which things a person has, to be kept with the pending request as its [`crate::records::Offer`].
    Things {
        /// The request whose user will choose.
        pending: grantd_tokens::Digest,
        /// Whose things.
        user: UserId,
        /// Whom to ask about what.
        questions: Vec<Question>,
    },
}

/// One question to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whom: the audience of the token the question is asked with.
    pub resource: ResourceId,
    /// About what.
    pub type_name: DetailTypeName,
    /// Where. Declared by the resource's operator, never by a client.
    pub endpoint: String,
}

/// An answer or a refusal, with what must be written before either is sent (law 4), and the checks that led there.
#[derive(Debug)]
pub struct Decision<A> {
    /// What to say once the changes are written.
    pub answer: Result<A, Refused>,
    /// What to write, all or nothing.
    pub changes: Vec<Change>,
    /// The checks that ran, in order.
    pub checks: Checks,
    /// What an operator would want to know of beyond the changes, whatever the answer.
    pub notes: Vec<Note>,
}

impl<A> Decision<A> {
    /// Runs a judgement and keeps of its changes what its outcome permits: a refusal only takes away (law 5).
    pub fn reached_by(judge: impl FnOnce(&mut Ledger) -> Result<A, Refused>) -> Self {
        let mut ledger = Ledger::default();
        let answer = judge(&mut ledger);
        let mut changes = ledger.always;
        if answer.is_ok() {
            changes.extend(ledger.if_answered);
        }
        Self { answer, changes, checks: ledger.checks, notes: ledger.notes }
    }
}

impl<A> From<Decision<A>> for Next<A> {
    fn from(decision: Decision<A>) -> Self {
        Self::Done(decision)
    }
}

/// A refusal, and where it may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The broken rule.
    pub refusal: Refusal,
    /// Where the user's browser may carry the news. `None` means a page or a JSON error of this server.
    pub redirect: Option<Box<ErrorRedirect>>,
    /// For the operator's log and the developer's page in development mode, never for anyone else.
    pub evidence: Option<Box<Evidence>>,
}

impl Refused {
    /// Adds what the operator and, in development, the developer should see.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(Box::new(evidence));
        self
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, redirect: None, evidence: None }
    }
}

/// What was sent against what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The parameter or property the rule is about.
    pub what: &'static str,
    /// What was sent. Never a secret.
    pub sent: String,
    /// What would have been accepted, nearest first.
    pub accepted: Vec<String>,
}

/// What a decision writes down along the way, so that `?` may leave early and lose nothing.
#[derive(Debug, Default)]
pub struct Ledger {
    checks: Checks,
    always: Vec<Change>,
    if_answered: Vec<Change>,
    notes: Vec<Note>,
}

impl Ledger {
    /// One check, one line, one name: records that it ran, and refuses unless `condition` holds.
    pub fn ensure(&mut self, condition: bool, refusal: Refusal) -> Result<(), Refusal> {
        self.checks.push(Check { refusal, verdict: if condition { Verdict::Passed } else { Verdict::Stopped } });
        if condition { Ok(()) } else { Err(refusal) }
    }

    /// As [`Ledger::ensure`], for a check that finds something (law 1: absence refuses).
    pub fn require<T>(&mut self, found: Option<T>, refusal: Refusal) -> Result<T, Refusal> {
        self.ensure(found.is_some(), refusal)?;
        found.ok_or(refusal)
    }

    /// Written whatever the answer: only what takes rights away or counts an attempt.
    pub fn always(&mut self, change: Change) {
        debug_assert!(change.tightens(), "a refusal only takes away (law 5): {change:?}");
        self.always.push(change);
    }

    /// Told to the operator whatever the answer.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Written only together with an answer: everything that gives or spends.
    pub fn if_answered(&mut self, change: Change) {
        self.if_answered.push(change);
    }
}

/// A check that ran. Its rule is [`Refusal::rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The refusal it would have led to, or did.
    pub refusal: Refusal,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request may go on.
    Passed,
    /// It may not.
    Stopped,
}

/// The checks of one decision, in order. Kept without an allocation: a decision makes a few dozen.
#[derive(Clone, Debug)]
pub struct Checks {
    list: [Option<Check>; MAX_CHECKS],
    count: usize,
}

const MAX_CHECKS: usize = 64;

impl Default for Checks {
    fn default() -> Self {
        Self { list: [None; MAX_CHECKS], count: 0 }
    }
}

impl Checks {
    /// In the order they ran. Those after the 64th are not kept, but for the one that stopped the request.
    pub fn iter(&self) -> impl Iterator<Item = Check> + '_ {
        self.list.iter().copied().flatten()
    }

    /// The check that stopped the request.
    pub fn stopped_by(&self) -> Option<Check> {
        self.iter().find(|check| check.verdict == Verdict::Stopped)
    }

    fn push(&mut self, check: Check) {
        let place = self.count.min(MAX_CHECKS - 1);
        if (self.count < MAX_CHECKS || check.verdict == Verdict::Stopped)
            && let Some(slot) = self.list.get_mut(place)
        {
            *slot = Some(check);
        }
        self.count += 1;
    }
}
