//! The page on which a person sees what they let each application do, and takes it back (CONSENT-05).
//!
//! It shows; it does not decide. What is left is computed from the stored grants minus what came back unticked.

use askama::Template;

use super::{AnswerTo, Chrome, Lasting, Moment, PlainText, SafeLink, ScopeChoice, Thing};

/// The page. Every form of it posts to `action`: `csrf`, and `action` by the button that was pressed:
/// `narrow` (with `client`, and `scope` and `thing` for what stays ticked), `end` (with `client`), `end_all`, `sign_out_elsewhere`.
#[derive(Clone, Debug, Template)]
#[template(path = "access.html")]
pub struct Access {
    /// Around the page.
    pub chrome: Chrome,
    /// Path the forms post to.
    pub action: String,
    /// Path of the question before signing out here.
    pub sign_out: String,
    /// Anti-forgery tokens.
    pub tokens: AccessTokens,
    /// Name of the account.
    pub account: String,
    /// What was just done.
    pub notice: Option<AccessNotice>,
    /// Who may do something now.
    pub applications: Vec<HeldApplication>,
    /// Who may do nothing now, and would get it again without a question.
    pub remembered: Vec<RememberedApplication>,
    /// Where else the account is signed in, the newest first.
    pub elsewhere: Vec<SessionLine>,
    /// Whether there may be more than is shown, so that nothing can be narrowed.
    pub cut: bool,
}

/// One for each kind of form: a token for one is worth nothing for another.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    /// For `narrow`.
    pub narrow: String,
    /// For `end`.
    pub end: String,
    /// For `end_all`.
    pub end_all: String,
    /// For `sign_out_elsewhere`.
    pub sign_out_elsewhere: String,
}

/// What was just done: one of these sentences, and no text of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessNotice {
    /// A part was taken back.
    Narrowed,
    /// One application's access ended.
    Ended,
    /// Everybody's did.
    AllEnded,
    /// The other sessions ended.
    SignedOutElsewhere,
    /// Nothing was unticked, or it had ended already.
    Nothing,
    /// There are too many grants to narrow them.
    TooMany,
}

/// An application with access.
#[derive(Clone, Debug)]
pub struct HeldApplication {
    /// The value of `client`.
    pub client_id: String,
    /// Its name, as it claims it; its `client_id` if that leaves nothing to show.
    pub name: PlainText,
    /// Who receives its answers: what nobody can claim who does not have it.
    pub answers_to: Vec<AnswerTo>,
    /// Its own page.
    pub home: Option<SafeLink>,
    /// Since when it has access.
    pub since: Moment,
    /// When it was last given a key.
    pub last_used: Moment,
    /// When its access ends by itself.
    pub until: Moment,
    /// Whether it may act while the person is away.
    pub away: bool,
    /// How long a key that it has already may still open something.
    pub wears_out: Lasting,
    /// Where it may do what.
    pub resources: Vec<HeldResource>,
}

/// What an application may do at one resource server.
#[derive(Clone, Debug)]
pub struct HeldResource {
    /// Name the operator gave the resource.
    pub name: String,
    /// Its host: `boxes.example`.
    pub host: String,
    /// Things, by what may be done with them.
    pub groups: Vec<HeldGroup>,
    /// Scopes, in words.
    pub scopes: Vec<ScopeChoice>,
}

/// Things of one kind, with which the same may be done.
#[derive(Clone, Debug)]
pub struct HeldGroup {
    /// What they are: `Lockboxes`.
    pub title: String,
    /// What may be done with each, in words.
    pub actions: Vec<String>,
    /// Which.
    pub things: Vec<Thing>,
}

/// An application that was agreed to before, and has nothing now.
#[derive(Clone, Debug)]
pub struct RememberedApplication {
    /// The value of `client`.
    pub client_id: String,
    /// Its name, as it claims it.
    pub name: PlainText,
    /// Who receives its answers.
    pub answers_to: Vec<AnswerTo>,
    /// When it was agreed to.
    pub given: Moment,
}

/// A session in another browser.
#[derive(Clone, Copy, Debug)]
pub struct SessionLine {
    /// When somebody signed in.
    pub since: Moment,
    /// When it was last used.
    pub last_used: Moment,
}

impl Access {
    fn listed_elsewhere(&self) -> impl Iterator<Item = &SessionLine> {
        self.elsewhere.iter().take(SESSIONS_LISTED)
    }

    fn more_elsewhere(&self) -> usize {
        self.elsewhere.len().saturating_sub(SESSIONS_LISTED)
    }
}

impl AccessNotice {
    fn says(self) -> &'static str {
        match self {
            Self::Narrowed => {
                "Done. The app goes on with what is left, and asks you if it wants more. A key that it has already still \
                 works until it wears out: see below."
            }
            Self::Ended => {
                "Done. The app gets nothing more, and has to ask you again. A key that it has already stops \
                 working within an hour at the latest, and at once wherever grantd is asked."
            }
            Self::AllEnded => {
                "Done. No app has access any more; each has to ask you again. Keys that they have already \
                 stop working within an hour at the latest, and at once wherever grantd is asked."
            }
            Self::SignedOutElsewhere => "Done. You are signed in only here.",
            Self::Nothing => "Nothing was changed: there was nothing to take back.",
            Self::TooMany => {
                "Nothing was changed. This account has given access so often that single things cannot be taken back; you \
                 can end the app's access as a whole."
            }
        }
    }

    /// Whether the person has to do something else.
    fn is_problem(self) -> bool {
        self == Self::TooMany
    }
}

/// Sessions shown one by one.
const SESSIONS_LISTED: usize = 8;
