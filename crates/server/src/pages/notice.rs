//! Pages that only tell something. Every sentence of them stands in this file.

use askama::Template;

use super::{Chrome, Lasting, PlainText};

/// A heading and a few sentences, without a form.
#[derive(Clone, Debug, Template)]
#[template(path = "notice.html")]
pub struct Notice {
    chrome: Chrome,
    heading: String,
    sentences: Vec<String>,
}

impl Notice {
    /// Any other message. The heading is also the title; each sentence becomes a paragraph. All is text, none is markup.
    pub fn new(chrome: Chrome, heading: &str, sentences: &[&str]) -> Self {
        let sentences = sentences.iter().map(|sentence| (*sentence).to_owned()).collect();
        Self { chrome, heading: heading.to_owned(), sentences }
    }

    /// After signing out.
    pub fn signed_out(chrome: Chrome) -> Self {
        let here = format!("Your session at {} has ended on this browser.", chrome.issuer_host);
        let there = "Apps that you opened with it may still have you signed in themselves. Sign out there, too, if others use this computer.";
        Self::new(chrome, "You are signed out", &[&here, there])
    }

    /// After denying, when the browser cannot be sent back.
    pub fn denied(chrome: Chrome, client_name: &PlainText) -> Self {
        let what = format!("{client_name} was given nothing.");
        Self::new(chrome, "You said no", &[&what, "You can close this page."])
    }

    /// 404.
    pub fn not_found(chrome: Chrome) -> Self {
        Self::new(
            chrome,
            "There is no such page",
            &[
                "The address may be mistyped, or the page has moved.",
                "If an app sent you here, tell the people who run it.",
            ],
        )
    }

    /// 405.
    pub fn method_not_allowed(chrome: Chrome) -> Self {
        Self::new(
            chrome,
            "This address cannot be opened like that",
            &[
                "It only takes what a form or an app sends to it.",
                "Go back to the app you came from and start again there.",
            ],
        )
    }

    /// A request that is too long, too slow, of the wrong kind, or that says one thing twice.
    pub fn unreadable(chrome: Chrome) -> Self {
        Self::new(
            chrome,
            "This request cannot be read",
            &[
                "Nothing was changed, and nothing was shared.",
                "Go back to the app you came from and start again there.",
            ],
        )
    }

    /// 403: the form did not come from a page of this server, or from another session (SESS-05).
    pub fn forged(chrome: Chrome) -> Self {
        Self::new(
            chrome,
            "Nothing was changed",
            &[
                "What was sent does not belong to the page that is open in this browser. This happens when you signed in or out in another tab.",
                "Go back to the app you came from and start again there.",
            ],
        )
    }

    /// 429.
    pub fn too_many(chrome: Chrome, wait: Lasting) -> Self {
        let advice = format!("Wait {wait}, then try again.");
        Self::new(chrome, "That was too much at once", &["There were too many requests from your network.", &advice])
    }

    /// 503.
    pub fn unavailable(chrome: Chrome) -> Self {
        Self::new(
            chrome,
            "Not available right now",
            &[
                "This server cannot do its work at the moment. Nothing of yours was lost, and nothing was shared.",
                "Try again in a minute.",
            ],
        )
    }
}
