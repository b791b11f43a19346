//! Signing in with a password that was checked.

use grantd_tokens::Secret;

use super::{Credential, waiting_request};
use crate::authorize::Step;
use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::events::{EventKind, Note};
use crate::facts::{Facts, Lookup};
use crate::forms::{BrowserState, FormOrigin, Purpose};
use crate::names::{Network, Username};
use crate::records::{AttemptKey, PasswordHash, Session, SessionState, Status, User};
use crate::refusals::Refusal;

/// The password fitted this credential. Made by whoever ran the slow comparison, and by nobody else.
#[derive(Clone, Debug)]
pub struct PasswordProof {
    /// What it fitted.
    pub credential: Credential,
    /// The same password hashed with today's parameters, where the old ones have become too weak (LOGIN-03).
    pub rehashed: Option<PasswordHash>,
}

/// An admitted attempt, after the comparison.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The browser's cookies and the handle.
    pub browser: BrowserState,
    /// The form's anti-forgery token.
    pub token: Option<Secret>,
    /// Where the form came from.
    pub origin: FormOrigin,
    /// What was typed, in its stored form.
    pub username: Option<Username>,
    /// Where the attempt came from.
    pub network: Network,
    /// `None` if user or password was wrong.
    pub proof: Option<PasswordProof>,
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie's value, never one the browser had before (SESS-02).
    pub session: Secret,
    /// What comes next for the request; `None` if there was none.
    pub step: Option<Step>,
}

impl SignIn {
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<SignedIn, Refusal> {
        let request = match self.browser.handle {
            Some(_) => Some(waiting_request(&self.browser, facts, env, ledger)?),
            None => None,
        };
        let genuine = self.browser.is_genuine(Purpose::SignIn, self.token.as_ref(), self.origin);
        ledger.ensure(genuine, Refusal::FormForged)?;
        let proven = self.proven(facts, ledger);
        if proven.is_err() {
            ledger.note(Note::new(EventKind::SignInFailed).with("from", self.network.as_str()));
        }
        let (user, proof) = proven?;

        let secret = Secret::random(env.random);
        let session = Session {
            id: secret.hash(),
            user: user.id.clone(),
            authenticated_at: env.now,
            last_used_at: env.now,
            expires_at: env.now + env.settings.lifetimes.session,
            state: SessionState::Live,
        };
        let was = proof.credential.password.clone();
        if let Some(now) = proof.rehashed.as_ref().filter(|_| user.password.as_ref() == Some(&was)) {
            ledger.if_answered(Change::RehashPassword { user: user.id.clone(), was, now: now.clone() });
        }
        let generation = proof.credential.generation;
        ledger.if_answered(Change::AddSession { session: session.clone(), credentials_generation: generation });
        let from_here = AttemptKey::AccountFrom(user.username.clone(), self.network.clone());
        ledger.if_answered(Change::ForgetAttempts { key: from_here });

        // Somebody else was signed in here: this browser's session is theirs no longer, and nobody can sign it out any more.
        if let Some(before) = facts.session.as_ref().filter(|before| before.user != user.id) {
            ledger.if_answered(Change::EndSession { session: before.id, at: env.now });
        }

        let step = match request {
            Some((pending, _)) => {
                let step = crate::authorize::next_step_for(pending, (&session, user), facts, env, ledger)?;
                if matches!(step, Step::Answer(_)) {
                    ledger.if_answered(Change::CompletePending { pending: pending.handle });
                }
                Some(step)
            }
            None => None,
        };
        Ok(SignedIn { session: secret, step })
    }

    /// Unknown, wrong, disabled: one refusal (LOGIN-01).
    fn proven<'a>(&'a self, facts: &'a Facts, ledger: &mut Ledger) -> Result<(&'a User, &'a PasswordProof), Refusal> {
        let user = facts.user.as_ref().filter(|user| self.username.as_ref() == Some(&user.username));
        let user = ledger.require(user, Refusal::SignInFailed)?;
        let proof = ledger.require(self.proof.as_ref(), Refusal::SignInFailed)?;
        let credential = &proof.credential;
        // The generation alone: another sign-in of this moment may have rehashed the same password.
        let current = credential.user == user.id && credential.generation == user.credentials_generation;
        ledger.ensure(current, Refusal::SignInFailed)?;
        ledger.ensure(user.status == Status::Active, Refusal::SignInFailed)?;
        Ok((user, proof))
    }
}

impl Endpoint for SignIn {
    type Answer = SignedIn;

    fn lookup(&self) -> Lookup {
        Lookup {
            pending: self.browser.handle_hash(),
            session: self.browser.session_hash(),
            username: self.username.clone(),
            ..Lookup::default()
        }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<SignedIn> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}
