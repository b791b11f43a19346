//! The sign-in page, and the gate before a password is looked at.

use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, Lookup};
use crate::forms::{BrowserState, FormOrigin, Purpose};
use crate::login::{live_session, waiting_request};
use crate::names::{Network, UserId, Username};
use crate::records::{AttemptKey, Client, PasswordHash, PendingRequest};
use crate::refusals::Refusal;

/// What is wanted of the sign-in page.
#[derive(Clone, Debug)]
pub enum Admission {
    /// To see it.
    Show(BrowserState),
    /// To have a password checked.
    Try {
        /// The browser's cookies and the handle.
        browser: BrowserState,
        /// The form's anti-forgery token.
        token: Option<grantd_tokens::Secret>,
        /// Where the form came from.
        origin: FormOrigin,
        /// What was typed, in its stored form. `None` if no username can look like that.
        username: Option<Username>,
        /// Where the attempt came from.
        network: Network,
    },
}

/// What comes of it.
#[derive(Debug)]
pub enum Admitted {
    /// The page, for this request if there is one.
    Page(Option<Box<(PendingRequest, Client)>>),
    /// Somebody is signed in already: no page is needed.
    AlreadySignedIn,
    /// The attempt is counted; the password may be checked against this. `None` for an unknown user, whose check must take
    /// as long (LOGIN-01).
    Attempt(Option<Credential>),
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose.
    pub user: UserId,
    /// The hash.
    pub password: PasswordHash,
    /// Which generation of credentials it is.
    pub generation: u32,
}

impl Admission {
    fn browser(&self) -> &BrowserState {
        match self {
            Self::Show(browser) | Self::Try { browser, .. } => browser,
        }
    }

    fn judge(&self, facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Result<Admitted, Refusal> {
        let request = match self.browser().handle {
            Some(_) => Some(waiting_request(self.browser(), facts, env, ledger)?),
            None => None,
        };
        let Self::Try { browser, token, origin, username, network } = self else {
            let owned = request.map(|(pending, client)| Box::new((pending.clone(), client.clone())));
            return Ok(match live_session(facts, env.settings, env.now) {
                Some(_) => Admitted::AlreadySignedIn,
                None => Admitted::Page(owned),
            });
        };
        let genuine = browser.is_genuine(Purpose::SignIn, token.as_ref(), *origin);
        ledger.ensure(genuine, Refusal::FormForged)?;
        // Counted before the password is looked at, and whether or not it is right (LOGIN-04): parallel attempts find
        // the count already raised.
        for (key, limit) in counted(username.as_ref(), network, env) {
            ledger.always(Change::CountAttempt {
                key,
                at: env.now,
                window: env.settings.limits.attempt_window,
                limit,
                or: Refusal::SignInThrottled,
            });
        }
        let known = facts.user.as_ref().filter(|user| username.as_ref() == Some(&user.username));
        let credential = known.and_then(|user| {
            let password = user.password.clone()?;
            Some(Credential { user: user.id.clone(), password, generation: user.credentials_generation })
        });
        Ok(Admitted::Attempt(credential))
    }
}

/// Per account, per source network, and in all (LOGIN-04).
fn counted(username: Option<&Username>, network: &Network, env: &Env<'_>) -> Vec<(AttemptKey, u32)> {
    let limits = &env.settings.limits;
    let mut counted = vec![
        (AttemptKey::Network(network.clone()), limits.sign_ins_per_network),
        (AttemptKey::Everyone(env.settings.issuer.clone()), limits.sign_ins_in_all),
    ];
    if let Some(username) = username {
        let from_here = AttemptKey::AccountFrom(username.clone(), network.clone());
        counted.push((from_here, limits.sign_ins_per_account_and_network));
        counted.push((AttemptKey::Account(username.clone()), limits.sign_ins_per_account));
    }
    counted
}

impl Endpoint for Admission {
    type Answer = Admitted;

    fn lookup(&self) -> Lookup {
        let browser = self.browser();
        let username = match self {
            Self::Show(_) => None,
            Self::Try { username, .. } => username.clone(),
        };
        let session = if username.is_none() { browser.session_hash() } else { None };
        Lookup { pending: browser.handle_hash(), session, username, ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Admitted> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}
