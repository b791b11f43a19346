//! Signing out: the session ends on the server, and what was granted for its length ends with it (SESS-04, REFRESH-16).

use grantd_tokens::Secret;

use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Next};
use crate::facts::{Facts, Lookup};
use crate::forms::{BrowserState, FormOrigin, Purpose};
use crate::refusals::Refusal;

/// A posted sign-out form.
#[derive(Clone, Debug)]
pub struct SignOut {
    /// The browser's cookies.
    pub browser: BrowserState,
    /// The form's anti-forgery token.
    pub token: Option<Secret>,
    /// Where the form came from.
    pub origin: FormOrigin,
}

impl Endpoint for SignOut {
    type Answer = ();

    fn lookup(&self) -> Lookup {
        Lookup { session: self.browser.session_hash(), ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<()> {
        Decision::reached_by(|ledger| {
            let genuine = self.browser.is_genuine(Purpose::SignOut, self.token.as_ref(), self.origin);
            ledger.ensure(genuine, Refusal::FormForged)?;
            if let Some(session) = &facts.session {
                ledger.if_answered(Change::EndSession { session: session.id, at: env.now });
            }
            Ok(())
        })
        .into()
    }
}
