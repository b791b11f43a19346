//! What a person sees. Owns the words, the markup and the style of every page of this server.
//! Knows nothing of HTTP, storage or the protocol: a page is a plain struct that the HTTP layer fills and renders.
//! Start reading at [`Chrome`], then [`Consent`], the page the product is about.
//!
//! Every page works without a script, loads one style sheet and one picture from this server, and is made for
//! `Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'` (SESS-07, SESS-20). Text is escaped
//! by the templates; what outsiders wrote comes in as [`PlainText`] and is isolated with `<bdi>` (CONSENT-06).
//!
//! Sending the page with its headers, anti-forgery tokens and every decision are *not* done here.

mod access;
mod assets;
mod consent;
mod error;
mod interaction;
mod login;
mod notice;
mod words;

pub use access::{
    Access, AccessNotice, AccessTokens, HeldApplication, HeldGroup, HeldResource, RememberedApplication, SessionLine,
};
pub use askama::Template;
pub use assets::{Asset, assets, mark, stylesheet};
pub use consent::{
    Assurance, Away, Consent, ConsentProblem, ResourceChoice, ScopeChoice, SwitchAccount, Thing, ThingGroup, Things,
    Tick,
};
pub use error::{Comparison, DeveloperNote, ErrorPage};
pub use interaction::{Expired, Home, LogoutConfirm, SignedIn};
pub use login::{Asking, Login, LoginProblem};
pub use notice::Notice;
pub use words::{AnswerTo, Lasting, Moment, PlainText, SafeLink};

/// What every page shows around its content.
///
/// The correlation id is the one value of the request that may be echoed (SESS-26), so that a person can quote what
/// the log can find.
#[derive(Clone, Debug)]
pub struct Chrome {
    /// Host (and port, unless the default) of the issuer: the address a person should recognise.
    pub issuer_host: String,
    /// Whether the page carries the banner of a server that is not for production.
    pub mode: Mode,
    /// The id under which this request stands in the log.
    pub correlation_id: String,
}

impl Chrome {
    fn is_development(&self) -> bool {
        self.mode == Mode::Development
    }

    #[expect(clippy::unused_self, reason = "templates reach it through the one struct they all have")]
    fn stylesheet(&self) -> &'static str {
        stylesheet().path
    }

    #[expect(clippy::unused_self, reason = "templates reach it through the one struct they all have")]
    fn mark(&self) -> &'static str {
        mark().path
    }
}

/// How the server was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No banner, no developer notes.
    Production,
    /// `--dev`: a banner on every page, and error pages that explain themselves to the developer.
    Development,
}
