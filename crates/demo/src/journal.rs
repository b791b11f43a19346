//! What just travelled, and on which channel: shown on the pages of the apps. Secrets appear as fingerprints only.

use url::Url;

/// The latest entries are enough to follow one dance.
const MAX_ENTRIES: usize = 24;

/// What an app has seen travel, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Entry>);

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) channel: Channel,
    /// `Mailroom → browser → grantd`
    pub(crate) way: &'static str,
    pub(crate) what: String,
    pub(crate) carried: Vec<Carried>,
    pub(crate) verdict: Verdict,
}

/// Which way a message took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Through the browser: its history, its extensions and whoever looks over the shoulder see it.
    Front,
    /// From server to server: nobody else sees it.
    Back,
}

impl Channel {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Front => "Front channel",
            Self::Back => "Back channel",
        }
    }
}

/// A parameter of a message, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Carried {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }

    pub(crate) fn secret(name: &str, value: &str) -> Self {
        Self::new(name, fingerprint(value))
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Failed,
}

impl Verdict {
    /// A class of the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Journal {
    pub(crate) fn front(&mut self, way: &'static str, what: impl Into<String>, carried: Vec<Carried>) {
        self.push(Entry { channel: Channel::Front, way, what: what.into(), carried, verdict: Verdict::Done });
    }

    pub(crate) fn back(&mut self, way: &'static str, what: impl Into<String>, carried: Vec<Carried>) {
        self.push(Entry { channel: Channel::Back, way, what: what.into(), carried, verdict: Verdict::Done });
    }

    /// The last message came to nothing.
    pub(crate) fn failed(&mut self, channel: Channel, way: &'static str, what: impl Into<String>) {
        self.push(Entry { channel, way, what: what.into(), carried: Vec::new(), verdict: Verdict::Failed });
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    fn push(&mut self, entry: Entry) {
        if self.0.len() >= MAX_ENTRIES {
            self.0.remove(0);
        }
        self.0.push(entry);
    }
}

/// The parameters in the query of an address.
pub(crate) fn carried_in(url: &Url) -> Vec<Carried> {
    let shown = |name: &str, value: &str| match name {
        "state" | "code" | "code_challenge" => Carried::secret(name, value),
        _ => Carried::new(name, value),
    };
    url.query_pairs().map(|(name, value)| shown(&name, &value)).collect()
}

/// Enough to recognise a secret by, too little to use it.
pub(crate) fn fingerprint(secret: &str) -> String {
    const SHOWN: usize = 6;
    let length = secret.chars().count();
    if length < 4 * SHOWN {
        return "…".to_owned();
    }
    let end: String = secret.chars().skip(length - SHOWN).collect();
    format!("…{end}")
}
