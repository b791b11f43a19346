//! The quiet pages around a sign-in: the start page, signing out, a request that came to its end.

use askama::Template;

use super::{Chrome, PlainText, SafeLink};

/// The page at the issuer's address, for people who wonder where they are.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    /// Around the page.
    pub chrome: Chrome,
    /// Whoever is signed in in this browser.
    pub signed_in: Option<SignedIn>,
    /// Path of the page of what apps may use; it asks to sign in first.
    pub access: String,
}

/// The account of this browser's session, and the form that ends it: posts `csrf` by the button `sign_out`.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Name of the account.
    pub account: String,
    /// Path the form posts to.
    pub sign_out_action: String,
    /// Anti-forgery token of the form.
    pub csrf: String,
}

/// Asks whether to sign out: a link alone must not do it. Posts `csrf` by the button `sign_out`.
#[derive(Clone, Debug, Template)]
#[template(path = "logout_confirm.html")]
pub struct LogoutConfirm {
    /// Around the page.
    pub chrome: Chrome,
    /// Whose session it is, and where the form goes.
    pub signed_in: SignedIn,
    /// Path of the page of what apps may use.
    pub access: String,
}

/// The pending request is gone: expired, completed, or started in another browser (AUTHZ-31, SESS-03).
#[derive(Clone, Debug, Template)]
#[template(path = "expired.html")]
pub struct Expired {
    /// Around the page.
    pub chrome: Chrome,
    /// Name of the client, if the request can still be found.
    pub client_name: Option<PlainText>,
    /// The client's own page, where a person can start again.
    pub client_home: Option<SafeLink>,
}
