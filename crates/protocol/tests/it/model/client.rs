//! The honest client of the scenarios with tabs: two pages in one browser that share their storage.
//!
//! The storage holds one refresh token. A tab reads it when it sends; whoever gets an answer writes what came with it. How such
//! clients behave is assumed ([`Assumptions`]); what each assumption is for is shown by leaving it out.

use super::ask::{Ask, Scope, Sender};

/// What is taken for granted of the honest client and its network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumptions {
    pub(crate) answers: Arrival,
    pub(crate) unanswered: Unanswered,
    pub(crate) refreshing: Refreshing,
}

/// In which order answers arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// An answer with a replacement never before the answer that it replaces: the server holds it back for so long.
    ReplacementsLast,
    InAnyOrder,
}

/// What a tab does that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It repeats what it sent until it is answered.
    Repeats,
    /// It may as well forget that it asked.
    MayForget,
}

/// When a tab refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshing {
    /// When its access token is near its end: no request that was sent for an earlier token is still on its way.
    NearTheEnd,
    AtWill,
}

impl Assumptions {
    pub(crate) const ALL: Self = Self {
        answers: Arrival::ReplacementsLast,
        unanswered: Unanswered::Repeats,
        refreshing: Refreshing::NearTheEnd,
    };
}

/// The client. Tokens are named by the gift they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HonestClient {
    stored: Option<u8>,
    /// Sorted: which tab is which is noticed by nobody.
    tabs: [Tab; 2],
    /// It was too late once, or did nothing for too long: it may be asked to sign in again.
    pub(crate) was_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Tab {
    Closed,
    Idle,
    Asking { token: u8 },
    Expecting { token: u8, gift: u8 },
    Unanswered { token: u8 },
}

/// How a tab's request ended, as far as the tab is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The answer is on its way.
    Answered {
        gift: u8,
    },
    Refused,
    /// The server crashed or gave up.
    Nothing,
}

/// What can become of a tab without the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Arrives { gift: u8 },
    IsLost { gift: u8 },
    Forgets { token: u8 },
}

impl HonestClient {
    /// Nobody has a page open.
    pub(crate) const ABSENT: Self = Self { stored: None, tabs: [Tab::Closed; 2], was_late: false };

    /// Two tabs, and in their storage the token that came with this gift.
    pub(crate) fn with_tokens_of(gift: u8) -> Self {
        Self { stored: Some(gift), tabs: [Tab::Idle; 2], was_late: false }
    }

    /// Everything that one of the tabs can send now, and the client once it did.
    pub(crate) fn sendings(self, assumptions: Assumptions) -> impl Iterator<Item = (Ask, Self)> {
        let first = (0..self.tabs.len()).filter(move |at| !self.tabs[..*at].contains(&self.tabs[*at]));
        first.filter_map(move |at| {
            let token = match self.tabs[at] {
                Tab::Idle => self.stored.filter(|token| self.may_begin(*token, assumptions))?,
                Tab::Unanswered { token } => token,
                Tab::Closed | Tab::Asking { .. } | Tab::Expecting { .. } => return None,
            };
            Some((Ask::Refresh { token, by: Sender::Tab, scope: Scope::Granted }, self.with(at, Tab::Asking { token })))
        })
    }

    fn may_begin(self, stored: u8, assumptions: Assumptions) -> bool {
        let busy_with_another = |tab: &Tab| tab.token().is_some_and(|token| token != stored);
        assumptions.refreshing == Refreshing::AtWill || !self.tabs.iter().any(busy_with_another)
    }

    /// A request that a tab sent with this token has ended.
    pub(crate) fn after(self, token: u8, ended: Ended) -> Self {
        let at = self.tabs.iter().position(|tab| *tab == Tab::Asking { token }).unwrap();
        match ended {
            Ended::Answered { gift } => self.with(at, Tab::Expecting { token, gift }),
            Ended::Nothing => self.with(at, Tab::Unanswered { token }),
            Ended::Refused => Self { stored: None, ..self }.with(at, Tab::Idle),
        }
    }

    /// What can happen between server and client, and within the client.
    pub(crate) fn events(self, assumptions: Assumptions) -> impl Iterator<Item = (Event, Self)> {
        let at = (0..self.tabs.len()).filter(move |at| !self.tabs[..*at].contains(&self.tabs[*at]));
        at.flat_map(move |at| match self.tabs[at] {
            Tab::Expecting { token, gift } => {
                let arrives = self
                    .may_arrive(token, gift, assumptions)
                    .then(|| (Event::Arrives { gift }, Self { stored: Some(gift), ..self }.with(at, Tab::Idle)));
                let lost = (Event::IsLost { gift }, self.with(at, Tab::Unanswered { token }));
                [arrives, Some(lost)]
            }
            Tab::Unanswered { token } if assumptions.unanswered == Unanswered::MayForget => {
                [Some((Event::Forgets { token }, self.with(at, Tab::Idle))), None]
            }
            _ => [None, None],
        })
        .flatten()
    }

    fn may_arrive(self, token: u8, gift: u8, assumptions: Assumptions) -> bool {
        let replaced =
            |tab: &Tab| matches!(*tab, Tab::Expecting { token: of, gift: earlier } if of == token && earlier < gift);
        assumptions.answers == Arrival::InAnyOrder || !self.tabs.iter().any(replaced)
    }

    fn with(mut self, at: usize, tab: Tab) -> Self {
        self.tabs[at] = tab;
        self.tabs.sort_unstable();
        self
    }
}

impl Tab {
    fn token(self) -> Option<u8> {
        match self {
            Self::Closed | Self::Idle => None,
            Self::Asking { token } | Self::Expecting { token, .. } | Self::Unanswered { token } => Some(token),
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arrives { gift } => write!(f, "the answer with token {gift} arrives, and is stored"),
            Self::IsLost { gift } => write!(f, "the answer with token {gift} is lost"),
            Self::Forgets { token } => write!(f, "a tab forgets that it sent token {token}"),
        }
    }
}
