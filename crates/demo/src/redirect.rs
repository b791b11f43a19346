//! Leaving for the authorization server and coming back: what binds an answer to the browser that asked (RFC 9700 §4.7, RFC 9207).
//!
//! Pure: the time is an argument. Start at [`Departures::begin`], then [`Departures::receive`].

use std::time::Duration;

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use tokio::time::Instant;
use url::form_urlencoded;

/// How long a person may take (STATE-01).
pub const MAX_AGE: Duration = Duration::from_mins(10);

/// Tabs of one browser that may be on their way at once; the oldest gives way.
const MAX_UNDER_WAY: usize = 8;

/// 256 bits (PKCE-08).
const RANDOM_BYTES: u32 = 32;

/// The requests that one browser session is waiting for. Kept with that session and nowhere else (STATE-05).
#[derive(Debug, Default)]
pub struct Departures(Vec<Departure>);

/// One request under way, with what proves that an answer belongs to it.
#[derive(Debug)]
struct Departure {
    state: CsrfToken,
    verifier: PkceCodeVerifier,
    issuer: ExpectedIssuer,
    return_to: LocalPath,
    began: Instant,
}

/// Who was asked, and whether it promised to say so in its answers (RFC 9207 §2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedIssuer {
    /// The issuer identifier, byte for byte.
    pub identifier: String,
    /// What its metadata says about `iss`.
    pub iss: IssParameter,
}

/// `authorization_response_iss_parameter_supported`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssParameter {
    /// Every answer carries it; one without is from somebody else.
    Promised,
    /// It may be missing, but a wrong one is refused all the same.
    NotPromised,
}

/// What goes into the authorization request.
#[derive(Debug)]
pub struct Boarding {
    /// One-time, and bound to the session of this browser.
    pub state: CsrfToken,
    /// `S256` of a verifier that stays here.
    pub challenge: PkceCodeChallenge,
}

/// An answer that belongs to a request of this session.
#[derive(Debug)]
pub struct Arrival {
    /// The receipt.
    pub code: AuthorizationCode,
    /// The proof that goes with it.
    pub verifier: PkceCodeVerifier,
    /// Where the person wanted to go.
    pub return_to: LocalPath,
}

/// Why an answer was dropped. Nothing was sent to the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Not form encoding as a server would write it.
    #[error("a parameter stands in the answer twice")]
    Repeated,
    /// STATE-01.
    #[error("the answer has no state")]
    StateMissing,
    /// STATE-01, STATE-05.
    #[error(
        "its state is not one that this browser is waiting for: it was changed, used before, or belongs to another browser"
    )]
    StateUnknown,
    /// STATE-01.
    #[error("it comes more than ten minutes after the question")]
    TooLate,
    /// STATE-02.
    #[error("it does not say who answers (iss), though the server promised to")]
    IssMissing,
    /// STATE-02.
    #[error("another server answers (iss) than the one that was asked")]
    IssDiffers,
    /// STATE-06.
    #[error("it has a token in it; tokens never come through the browser")]
    TokenInFront,
    /// STATE-06.
    #[error("it is a yes and a no at once (code and error)")]
    CodeAndError,
    /// An answer without a code.
    #[error("it has neither a code nor an error")]
    NoCode,
    /// The server or the person said no; nothing is wrong with the answer.
    #[error("the answer is no: {error}{}", description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// `error`.
        error: String,
        /// `error_description`.
        description: Option<String>,
    },
}

impl Departures {
    /// A fresh `state` and a fresh verifier for a request that leaves now.
    pub fn begin(&mut self, issuer: ExpectedIssuer, return_to: LocalPath, now: Instant) -> Boarding {
        let state = CsrfToken::new_random_len(RANDOM_BYTES);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256_len(RANDOM_BYTES);
        if self.0.len() >= MAX_UNDER_WAY {
            self.0.remove(0);
        }
        self.0.push(Departure { state: state.clone(), verifier, issuer, return_to, began: now });
        Boarding { state, challenge }
    }

    /// Judges an answer by its query. Whatever comes of it, its `state` is spent.
    ///
    /// Does not know whether the code is good: the token endpoint does.
    pub fn receive(&mut self, query: &str, now: Instant) -> Result<Arrival, Dropped> {
        let answer = Answer::parse(query)?;
        let departure = self.take(answer.get("state").ok_or(Dropped::StateMissing)?)?;
        if now.duration_since(departure.began) > MAX_AGE {
            return Err(Dropped::TooLate);
        }
        departure.issuer.judge(answer.get("iss"))?;
        if answer.get("access_token").is_some() || answer.get("id_token").is_some() {
            return Err(Dropped::TokenInFront);
        }
        match (answer.get("code"), answer.get("error")) {
            (Some(_), Some(_)) => Err(Dropped::CodeAndError),
            (None, None) => Err(Dropped::NoCode),
            (None, Some(error)) => Err(Dropped::Refused {
                error: error.to_owned(),
                description: answer.get("error_description").map(str::to_owned),
            }),
            (Some(code), None) => Ok(Arrival {
                code: AuthorizationCode::new(code.to_owned()),
                verifier: departure.verifier,
                return_to: departure.return_to,
            }),
        }
    }

    fn take(&mut self, state: &str) -> Result<Departure, Dropped> {
        // 256 random bits that are gone after one look: how long the comparison takes tells nothing.
        let position = self.0.iter().position(|departure| departure.state.secret() == state);
        position.map(|position| self.0.remove(position)).ok_or(Dropped::StateUnknown)
    }
}

impl ExpectedIssuer {
    /// RFC 9207 §2.4: byte for byte.
    fn judge(&self, iss: Option<&str>) -> Result<(), Dropped> {
        match (iss, self.iss) {
            (Some(iss), _) if iss == self.identifier => Ok(()),
            (Some(_), _) => Err(Dropped::IssDiffers),
            (None, IssParameter::Promised) => Err(Dropped::IssMissing),
            (None, IssParameter::NotPromised) => Ok(()),
        }
    }
}

struct Answer(Vec<(String, String)>);

impl Answer {
    fn parse(query: &str) -> Result<Self, Dropped> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Dropped::Repeated);
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A place of our own to return to (STATE-08): no other origin can be written in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// The start page, unless `text` is a path on this origin: one `/` first, no `\`, nothing a browser would drop.
    pub fn or_home(text: Option<&str>) -> Self {
        let safe = |text: &&str| {
            text.starts_with('/')
                && !text.starts_with("//")
                && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        };
        Self(text.filter(safe).unwrap_or("/").to_owned())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
