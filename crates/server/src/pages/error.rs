//! When a request is refused on a page of this server. It never leads anywhere else.

use askama::Template;

use super::{Chrome, Mode};

/// A refusal in plain words: what happened, what to do next, and the id to quote (SESS-26).
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Around the page.
    pub chrome: Chrome,
    /// What happened, in a few words: `This app sent a request that cannot be answered`.
    pub heading: String,
    /// The same in a sentence or two. No value of the request.
    pub explanation: String,
    /// What the person can do.
    pub advice: String,
    /// For the developer. Shown in [`Mode::Development`] only, whatever is filled in here.
    pub developer: Option<DeveloperNote>,
}

/// What a developer needs to put the request right.
#[derive(Clone, Debug)]
pub struct DeveloperNote {
    /// The rule that refused: `REDIR-01`.
    pub rule: String,
    /// Where it comes from: `RFC 9700 §2.1`.
    pub section: String,
    /// Why, in a sentence.
    pub reason: String,
    /// The value at fault, beside what would have been accepted.
    pub comparison: Option<Comparison>,
}

/// A value that had to equal one of several, with the place where they part.
#[derive(Clone, Debug)]
pub struct Comparison {
    parameter: String,
    sent: String,
    candidates: Vec<Candidate>,
    left_out: usize,
}

impl ErrorPage {
    fn note(&self) -> Option<&DeveloperNote> {
        self.developer.as_ref().filter(|_| self.chrome.mode == Mode::Development)
    }
}

impl Comparison {
    /// Compares `sent` with each of `registered`, nearest first, byte for byte as the rule does (REDIR-01).
    /// Shows at most [`MOST_CANDIDATES`] and, of each text, what surrounds the difference.
    pub fn new(parameter: &str, sent: &str, registered: &[String]) -> Self {
        let mut candidates: Vec<_> = registered.iter().map(|registered| Candidate::new(sent, registered)).collect();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.place));
        let left_out = candidates.len().saturating_sub(MOST_CANDIDATES);
        candidates.truncate(MOST_CANDIDATES);
        Self { parameter: parameter.to_owned(), sent: visible(sent.chars().take(WINDOW)), candidates, left_out }
    }
}

/// One registered value against the sent one.
#[derive(Clone, Debug)]
struct Candidate {
    /// Position of the first differing character, from 1.
    place: usize,
    sent: Parted,
    registered: Parted,
}

impl Candidate {
    fn new(sent: &str, registered: &str) -> Self {
        let same = sent.chars().zip(registered.chars()).take_while(|(left, right)| left == right).count();
        Self { place: same + 1, sent: Parted::at(sent, same), registered: Parted::at(registered, same) }
    }
}

/// A text cut at its first differing character.
#[derive(Clone, Debug)]
struct Parted {
    same: String,
    /// The character that differs; `None` where the text has come to its end.
    differs: Option<String>,
    rest: String,
}

impl Parted {
    fn at(text: &str, same: usize) -> Self {
        let hidden = same.saturating_sub(WINDOW);
        let mut characters = text.chars().skip(hidden);
        let mut shown = visible(characters.by_ref().take(same - hidden));
        if hidden > 0 {
            shown.insert(0, '…');
        }
        let differs = characters.next().map(|character| visible(std::iter::once(character)));
        let mut rest = visible(characters.by_ref().take(WINDOW));
        if characters.next().is_some() {
            rest.push('…');
        }
        Self { same: shown, differs, rest }
    }
}

/// Whatever is not plain ASCII is written as its code point: look-alikes and invisible characters are the usual fault.
fn visible(characters: impl Iterator<Item = char>) -> String {
    characters.fold(String::new(), |mut text, character| {
        match character {
            ' ' => text.push('␠'),
            character if character.is_ascii_graphic() => text.push(character),
            character => text.extend(character.escape_unicode()),
        }
        text
    })
}

/// Registered values shown beside the sent one.
const MOST_CANDIDATES: usize = 5;
/// Characters shown on each side of a difference: parameters may be 8 KiB long (AUTHZ-30).
const WINDOW: usize = 400;
