//! The anti-forgery token of every form (SESS-05, CONSENT-04).
//!
//! It is a hash over values that only this server and this browser have, so nothing needs to be stored for it: the
//! browser's cookie, the session's cookie if the form is about a session, the request's handle, and what the form is for.

use grantd_tokens::{Digest, Secret};

/// What a form is for. A token for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Username and password.
    SignIn,
    /// Allow, deny, or use another account.
    Consent,
    /// End the session.
    SignOut,
    /// Take back a part of what an application may do.
    NarrowAccess,
    /// Take back all that an application may do.
    EndAccess,
    /// Take back all that anybody may do.
    EndAllAccess,
    /// End the sessions in other browsers.
    SignOutElsewhere,
}

/// Where a browser says that a form came from (`Origin`, `Sec-Fetch-Site`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormOrigin {
    /// This server's own page, or a client that is no browser and sends neither header.
    Own,
    /// Another site.
    Foreign,
}

/// The cookies and hidden fields that came with a form or a page.
#[derive(Clone, Debug)]
pub struct BrowserState {
    /// The interaction cookie: one for each browser, older than any session (SESS-03).
    pub browser: Option<Secret>,
    /// The session cookie.
    pub session: Option<Secret>,
    /// The handle of the pending request, if the page is about one.
    pub handle: Option<Secret>,
}

impl BrowserState {
    /// The token to put into a form. `None` without an interaction cookie: then no form can be genuine (SESS-06).
    pub fn form_token(&self, purpose: Purpose) -> Option<Secret> {
        let browser = self.browser.as_ref()?;
        let part = |secret: Option<&Secret>| secret.map(|secret| secret.hash().to_base64url()).unwrap_or_default();
        // A sign-in form is about no session yet: one that was opened before signing in in another tab stays good.
        let session = match purpose {
            Purpose::SignIn => None,
            Purpose::Consent
            | Purpose::SignOut
            | Purpose::NarrowAccess
            | Purpose::EndAccess
            | Purpose::EndAllAccess
            | Purpose::SignOutElsewhere => self.session.as_ref(),
        };
        let text = format!(
            "grantd form\n{purpose:?}\n{}\n{}\n{}",
            part(Some(browser)),
            part(session),
            part(self.handle.as_ref())
        );
        Some(Secret::new(Digest::of(text.as_bytes()).to_base64url()))
    }

    /// Whether a posted form is one that this server sent to this browser for this purpose.
    pub fn is_genuine(&self, purpose: Purpose, token: Option<&Secret>, origin: FormOrigin) -> bool {
        let expected = self.form_token(purpose);
        let fits = expected.zip(token).is_some_and(|(expected, token)| expected == *token);
        fits && origin == FormOrigin::Own
    }

    /// What the store knows the browser by.
    pub fn browser_hash(&self) -> Option<Digest> {
        self.browser.as_ref().map(Secret::hash)
    }

    /// What the store knows the session by.
    pub fn session_hash(&self) -> Option<Digest> {
        self.session.as_ref().map(Secret::hash)
    }

    /// What the store knows the pending request by.
    pub fn handle_hash(&self) -> Option<Digest> {
        self.handle.as_ref().map(Secret::hash)
    }
}
