//! The page on which a person decides who may use which of their things.
//!
//! It shows; it does not decide. What is approved is computed from the stored request minus what came back unticked
//! (CONSENT-04): the core walks its own stored request and looks whether the key of each line was posted. A key that
//! belongs to no line is simply never asked for.

use askama::Template;

use super::{AnswerTo, Chrome, Lasting, PlainText};

/// The consent page. Its form posts to `action`:
/// `request`, `csrf`, `scope` and `thing` (each any number of times, values are keys), `away` (value `yes`, at most once),
/// and `decision` = `allow` or `deny` by the buttons `allow` and `deny`.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// Around the page.
    pub chrome: Chrome,
    /// Path of the page on which it can be taken back.
    pub access: String,
    /// Path the form posts to.
    pub action: String,
    /// Opaque name of the pending request.
    pub request: String,
    /// Anti-forgery token, good for both forms of the page.
    pub csrf: String,
    /// Name of the client, as it claims it; its `client_id` if that leaves nothing to show.
    pub client_name: PlainText,
    /// Who will receive the answer.
    pub answer_to: AnswerTo,
    /// Whether the address proves who the client is.
    pub assurance: Assurance,
    /// Name of the account one is signed in with.
    pub account: String,
    /// The way to another account; `None` takes the button off.
    pub switch_account: Option<SwitchAccount>,
    /// Why the page is shown again.
    pub problem: ConsentProblem,
    /// What is asked for, in the order of the stored request.
    pub resources: Vec<ResourceChoice>,
    /// Longest time until the client has to ask again, when it may not act while the person is away.
    pub lasts: Lasting,
    /// Whether the client may act while the person is away (`offline_access`).
    pub away: Away,
}

/// The form that leaves the account: posts `request`, `csrf` and `decision` = `switch_account`.
#[derive(Clone, Debug)]
pub struct SwitchAccount {
    /// Path the form posts to; may be that of the decision itself.
    pub action: String,
}

/// Whether something besides its own word says who the client is (RFC 8252 §8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// The answer reaches nobody but the host that is shown, or the client proves itself at the token endpoint.
    Assured,
    /// A public client with a loopback or private-use redirect: any program on the computer could claim to be it.
    AnyProgram,
}

/// Why the consent page is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentProblem {
    /// It is shown for the first time.
    None,
    /// `allow` was pressed with nothing ticked: nothing was granted and the request is still pending.
    NothingTicked,
}

/// A resource server, and what the client wants there.
#[derive(Clone, Debug)]
pub struct ResourceChoice {
    /// Name the operator gave the resource.
    pub name: String,
    /// Its host: `boxes.example`.
    pub host: String,
    /// The person's own things in it, one group for each `authorization_details` entry (RFC 9396).
    pub groups: Vec<ThingGroup>,
    /// The scopes asked for at this resource.
    pub scopes: Vec<ScopeChoice>,
}

/// A scope in words, with a box to untick.
#[derive(Clone, Debug)]
pub struct ScopeChoice {
    /// The value of its box: the scope token.
    pub key: String,
    /// What it allows, in words: `See the names of your boxes`.
    pub label: String,
    /// A second line of explanation, if any.
    pub detail: Option<String>,
    /// How it starts out.
    pub tick: Tick,
}

/// One kind of thing, and what may be done with those that are ticked.
#[derive(Clone, Debug)]
pub struct ThingGroup {
    /// The choice as a question: `Which boxes may it open?`
    pub question: String,
    /// What may be done with each, in words: `read the letters`.
    pub actions: Vec<String>,
    /// What the person has.
    pub things: Things,
}

/// Which things a person has to choose from.
#[derive(Clone, Debug)]
pub enum Things {
    /// These.
    Listed(Vec<Thing>),
    /// The resource server answered that there are none.
    NoneOwned,
    /// The resource server did not answer in time: none can be chosen now, only the scopes are offered.
    NoAnswer,
}

/// One thing a person has: a lockbox.
#[derive(Clone, Debug)]
pub struct Thing {
    /// The value of its box: see `OfferedItem::key` of the core.
    pub key: String,
    /// `Box 1`.
    pub title: PlainText,
    /// `letters from the bank`; empty for none.
    pub subtitle: PlainText,
    /// How it starts out: ticked, for the client asked for it (docs/decisions/0006); unticked where nothing was left ticked before.
    pub tick: Tick,
}

/// Whether a box is ticked when the page opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Ticked.
    On,
    /// Not ticked.
    Off,
}

/// Access while the person is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Not asked for: the page says that there is none.
    NotAsked,
    /// Asked for: a box to untick.
    Asked {
        /// How long it lasts if allowed.
        lasts: Lasting,
        /// How it starts out.
        tick: Tick,
    },
}

impl Consent {
    /// Whether there is anything to tick: without, only `deny` makes sense and only it is offered.
    fn offers_anything(&self) -> bool {
        self.resources.iter().any(|resource| {
            let things = |group: &ThingGroup| matches!(&group.things, Things::Listed(things) if !things.is_empty());
            !resource.scopes.is_empty() || resource.groups.iter().any(things)
        })
    }
}

impl Assurance {
    fn is_any_program(self) -> bool {
        self == Self::AnyProgram
    }
}

impl ConsentProblem {
    fn is_nothing_ticked(self) -> bool {
        self == Self::NothingTicked
    }
}

impl Tick {
    fn is_on(self) -> bool {
        self == Self::On
    }
}
