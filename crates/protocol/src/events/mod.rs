//! What happened, for whoever must answer for it: who, what, which grant, by which rule (LOG-04). Names and ids alone, never a
//! secret (LOG-01, LOG-05).
//!
//! Owns the kinds of events, what an event says, and which events a decision makes. Does not decide anything, and does not know
//! where events are kept: whoever drives the decision commits them with it, as [`crate::changes::Change::Record`]. Start at
//! [`of`]; the kinds are one table in `kind.rs`.

mod derived;
mod filter;
mod kind;
mod note;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd_tokens::{Random, Time};
use serde::{Deserialize, Serialize};

use crate::names::{ClientId, GrantId, UserId};

pub use derived::{Told, of};
pub use filter::EventFilter;
pub use kind::{EventKind, Weight};
pub use note::Note;

/// Something that happened. Written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// When it was decided.
    pub at: Time,
    /// What.
    pub kind: EventKind,
    /// What set it off.
    pub source: Source,
    /// The rule of the catalogue that it is about: of a refusal, the broken one.
    pub rule: String,
    /// The name of the refusal, if the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Which client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Which grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// What shows it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, String>,
}

/// What set an event off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A request of a browser or a client.
    Request,
    /// An operator at the command line.
    CommandLine,
    /// The configuration, at a start.
    Configuration,
    /// The server by itself.
    Server,
}

impl Source {
    /// As it stands in an event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::CommandLine => "command_line",
            Self::Configuration => "configuration",
            Self::Server => "server",
        }
    }
}

/// The name of an event: how far into its second it was decided, something random for what happened at once, and its place therein.
/// In the order of their times and names, events stand as they happened. Opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The name as it was kept.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names for events that happen at once, in their order.
    fn several(within_second: u32, random: &mut dyn Random) -> impl Iterator<Item = Self> {
        let mut bytes = [0_u8; 12];
        random.fill(&mut bytes);
        let together = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        (0..).map(move |place: u32| Self(format!("{within_second:06}.{together}.{place:03}")))
    }
}

impl Event {
    /// How long it is kept beside others. What an operator did is a record, whatever it was.
    pub fn weight(&self) -> Weight {
        match self.source {
            Source::CommandLine | Source::Configuration => Weight::Record,
            Source::Request | Source::Server => self.kind.weight(),
        }
    }

    /// An event about a note, or about anything that can be said as one.
    fn from_note(note: Note, id: EventId, at: Time, source: Source) -> Self {
        let rule = note.refusal.map_or(note.kind.rule(), crate::refusals::Refusal::rule).to_owned();
        let evidence = note.evidence.into_iter().map(|(name, value)| (name.to_owned(), bounded(value)));
        Self {
            id,
            at,
            kind: note.kind,
            source,
            rule,
            refusal: note.refusal.map(|refusal| refusal.name().to_owned()),
            user: note.user,
            client: note.client,
            grant: note.grant,
            evidence: evidence.collect(),
        }
    }
}

/// Somebody else may have chosen the text: it is kept no longer than a person reads.
fn bounded(text: String) -> String {
    match text.char_indices().nth(MAX_EVIDENCE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

const MAX_EVIDENCE_CHARS: usize = 300;
