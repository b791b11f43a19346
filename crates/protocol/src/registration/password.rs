//! Which passwords are good enough (LOGIN-02, LOGIN-06). Hashing them is other work, for other hands.

use grantd_tokens::Secret;

use super::RegistrationFault;
use super::common_passwords::COMMON_PASSWORDS;
use crate::names::{Username, opaque_password};

/// How long a password must be. NIST SP 800-63B-4 §3.1.1: it depends on what else protects the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// Nothing else does: at least 15 characters.
    OnlyFactor,
    /// Development mode, where accounts guard nothing: at least 8, and whoever sets one says so loudly.
    Development,
}

impl PasswordPolicy {
    /// The least number of characters.
    pub fn min_chars(self) -> usize {
        match self {
            Self::OnlyFactor => 15,
            Self::Development => 8,
        }
    }
}

/// The password in its stored form, if it is good enough. No composition rules: length is what counts.
///
/// "Known" means a short embedded list, single characters or short pieces repeated, straight sequences and the username;
/// not a search through everything that was ever breached.
pub fn check_password(
    typed: &Secret,
    username: &Username,
    policy: PasswordPolicy,
) -> Result<Secret, RegistrationFault> {
    let fault = |problem: String, fix: &str| RegistrationFault {
        field: "password".to_owned(),
        problem,
        fix: fix.to_owned(),
        rule: "LOGIN-02",
    };
    if typed.expose().len() > MAX_PASSWORD_BYTES {
        let problem = format!("has more than {MAX_PASSWORD_BYTES} bytes, and is not cut");
        return Err(fault(problem, "choose a shorter one"));
    }
    let Some(password) = opaque_password(typed.expose()) else {
        return Err(fault("is empty or contains control characters".to_owned(), "type it again"));
    };
    let (chars, least) = (password.chars().count(), policy.min_chars());
    if chars < least {
        let problem = format!("has {chars} characters; at least {least} are needed");
        return Err(fault(problem, "several words in a row make a good one"));
    }
    if is_known(&password, username) {
        let problem = "is among the first that anybody would try".to_owned();
        return Err(fault(problem, "choose several words that do not belong together"));
    }
    Ok(Secret::new(password))
}

fn is_known(password: &str, username: &Username) -> bool {
    let plain = password.to_lowercase();
    let without_spaces: String = plain.chars().filter(|character| !character.is_whitespace()).collect();
    let around_the_name = plain.replace(username.as_str(), "");
    COMMON_PASSWORDS.contains(&plain.as_str())
        || COMMON_PASSWORDS.contains(&without_spaces.as_str())
        || around_the_name.chars().count() < LEAST_BESIDE_THE_NAME && around_the_name != plain
        || repeats_a_short_piece(&plain)
        || is_a_sequence(&plain)
}

/// `aaaaaaaaaaaaaaa`, `abcabcabcabcabc`.
fn repeats_a_short_piece(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=LONGEST_SHORT_PIECE).any(|length| chars.iter().zip(chars.iter().skip(length)).all(|(one, next)| one == next))
}

/// `abcdefghijklmno`, `987654321098765`: each character follows from the one before.
fn is_a_sequence(text: &str) -> bool {
    let digits_wrap = |from: char, to: char| matches!((from, to), ('9', '0') | ('0', '9'));
    let steps: Vec<Option<i64>> = text
        .chars()
        .zip(text.chars().skip(1))
        .map(|(from, to)| (!digits_wrap(from, to)).then(|| i64::from(u32::from(to)) - i64::from(u32::from(from))))
        .collect();
    [1, -1].iter().any(|step| steps.iter().all(|taken| taken.is_none_or(|taken| taken == *step)))
}

/// At least 128 must be allowed; longer ones only cost time (LOGIN-02).
const MAX_PASSWORD_BYTES: usize = 1024;
const LONGEST_SHORT_PIECE: usize = 4;
const LEAST_BESIDE_THE_NAME: usize = 6;
