//! The one door through which clients, resources and users come in, whoever opens it: command line, configuration, or later
//! a registration request (ADMIN-06).
//!
//! Owns every rule about what may be registered, and reports *all* faults at once. Does not know where the text came from,
//! and does not look into the store: what exists already is an argument. Passwords are judged here and hashed elsewhere.
//! Start at [`NewClient::check`], [`NewResource::check`], [`NewUser::check`].

mod client;
mod common_passwords;
mod kind;
mod named_resources;
mod password;
mod redirect_uris;
mod resource;
mod rotation;
mod user;

use std::fmt;

use crate::uri::Uri;

pub use client::{CheckedClient, ClientRules, NewClient, NewSecret, RegisteredClient, check_secret};
pub use password::{PasswordPolicy, check_password};
pub use resource::{NewAction, NewDetailType, NewField, NewResource, NewScope, ResourceRules};
pub use rotation::rotate_secret;
pub use user::{CheckedUser, NewPassword, NewUser};

use crate::redirect_uri::LoopbackHttp;

/// Why something cannot be registered: what was sent, what is wrong with it, what to do. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationFault {
    /// Which field, with its place in a list: `redirect_uris[1]`, `detail_types[0].actions[2].name`.
    pub field: String,
    /// What was sent and what is wrong with it, without the last full stop.
    pub problem: String,
    /// What to do about it, without the last full stop.
    pub fix: String,
    /// The rule that refuses.
    pub rule: &'static str,
}

impl fmt::Display for RegistrationFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {} ({})", self.field, self.problem, self.fix, self.rule)
    }
}

/// Faults in the order in which they were found.
#[derive(Default)]
struct Faults(Vec<RegistrationFault>);

impl Faults {
    fn add(
        &mut self,
        field: impl Into<String>,
        rule: &'static str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(RegistrationFault { field: field.into(), problem: problem.into(), fix: fix.into(), rule });
    }

    /// Text for people: something, not too long, and nothing that moves or hides what stands around it.
    fn text(&mut self, field: &str, text: &str, most_chars: usize) {
        if text.trim().is_empty() {
            self.add(field, "CONSENT-06", "is empty", "write what people should read there");
        } else if text.chars().count() > most_chars {
            let long = format!("has {} characters", text.chars().count());
            self.add(field, "CONSENT-06", long, format!("write at most {most_chars}"));
        } else if text.chars().any(is_invisible) {
            let problem = "contains a control character, or one that changes the direction of the text";
            self.add(field, "CONSENT-06", problem, "leave it out");
        }
    }

    /// An address that this server or a browser will open: https, or http to this very computer where that is allowed.
    fn web_address(&mut self, field: &str, text: &str, loopback_http: LoopbackHttp) -> bool {
        let before = self.0.len();
        let example = "write it in full, such as https://app.example/";
        match Uri::parse(text) {
            None => self.add(field, "META-08", format!("{text:?} is not an absolute URI"), example),
            Some(uri) if uri.host().is_none_or(str::is_empty) => {
                self.add(field, "META-08", format!("{text:?} names no host"), example);
            }
            Some(uri) if uri.authority.is_some_and(|authority| authority.contains('@')) => {
                self.add(field, "META-08", format!("{text:?} has a user before the host"), "leave it out");
            }
            Some(uri) if uri.fragment.is_some() => {
                self.add(field, "RESIND-01", format!("{text:?} has a fragment"), "leave out # and what follows it");
            }
            Some(uri) => self.web_scheme(field, text, &uri, loopback_http),
        }
        self.0.len() == before
    }

    fn web_scheme(&mut self, field: &str, text: &str, uri: &Uri<'_>, loopback_http: LoopbackHttp) {
        let scheme = uri.scheme.to_ascii_lowercase();
        let loopback = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
        match (scheme.as_str(), loopback_http) {
            ("https", _) => {}
            ("http", LoopbackHttp::ForEveryClient) if loopback => {}
            ("http", _) if loopback => {
                self.add(field, "NEVER-07", format!("{text:?} is plain http"), "use https, or develop with --dev");
            }
            _ => self.add(field, "NEVER-07", format!("{text:?} is not https"), "use an https:// address"),
        }
    }
}

/// Control characters, and the characters that reorder or hide text (Unicode TR 36 §2.5).
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// RFC 3986 §2.3: characters that mean the same wherever they stand in a URI.
fn is_unreserved(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// `a`, `b` or `c`, for messages.
fn one_of<T: fmt::Display>(choices: impl IntoIterator<Item = T>) -> String {
    let choices: Vec<String> = choices.into_iter().map(|choice| choice.to_string()).collect();
    match choices.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

const MAX_NAME_CHARS: usize = 100;
