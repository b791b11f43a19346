//! What can be asked of the server in a scenario, in the very types and parsers that the server uses.

use std::fmt;

use grantd_protocol::changes::Change;
use grantd_protocol::consent::{ConsentDecision, Decided, Verdict};
use grantd_protocol::endpoint::{Decision, Endpoint, Env, Next};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::forms::Purpose;
use grantd_protocol::login::{Admission, SignIn, SignOut};
use grantd_protocol::names::{Scopes, UserId, Username};
use grantd_protocol::records::{Status, User};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::token::TokenRequest;
use grantd_tokens::{JwkSet, Time};

use super::cast::{self, Counted, Owner};

/// One thing that somebody can do to the server. Codes and refresh tokens are named by the gift they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ask {
    /// `grant_type=authorization_code`.
    Redeem { code: usize, by: Sender, verifier: Verifier },
    /// `grant_type=refresh_token`.
    Refresh { token: usize, by: Sender, scope: Option<&'static str> },
    /// The consent form.
    Decide(Pressed),
    /// The form that ends the session.
    SignOut,
    /// A password that was found right before the scenario began; `rehash`: its hash is to be replaced, too.
    SignIn { rehash: bool },
    /// A password to be admitted to the comparison.
    TryPassword,
    /// The operator switches the user off.
    Disable,
    /// The operator sets a new password.
    ResetPassword,
    /// The operator adds a user of one and the same name.
    AddUser { id: &'static str },
}

/// As whom a token request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sender {
    /// With all that the code's owner authenticates with.
    Owner(Owner),
    /// In the owner's name, with a secret that was made up.
    FalseOwner,
    /// Another client, truly itself.
    OtherClient,
}

/// Which verifier comes with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verifier {
    Right,
    Wrong,
    Absent,
}

/// The buttons of the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Pressed {
    Allow,
    Deny,
    SwitchAccount,
}

/// A parsed request.
pub(crate) enum Request {
    Token(TokenRequest),
    Consent(ConsentDecision),
    SignOut(SignOut),
    SignIn(SignIn),
    Admission(Admission),
    Operator(Ask),
}

/// A decision of any endpoint, with what of its answer an invariant speaks about.
pub(crate) struct Judged {
    pub(crate) answer: Result<Answer, Refusal>,
    pub(crate) changes: Vec<Change>,
}

pub(crate) enum Answer {
    Tokens { scope: Scopes, claimed: Option<String> },
    Code,
    SignedIn,
    Admitted,
    UserAdded,
    Nothing,
}

impl Ask {
    /// Whether a token request proves that it comes from the code's owner.
    pub(crate) fn is_proven(self) -> bool {
        match self {
            Self::Redeem { by, verifier, .. } => matches!(by, Sender::Owner(_)) && verifier == Verifier::Right,
            Self::Refresh { by, .. } => matches!(by, Sender::Owner(_)),
            _ => false,
        }
    }

    /// The request as the server reads it.
    pub(crate) fn request(self) -> Request {
        let browser = cast::browser();
        match self {
            Self::Redeem { code, by, verifier } => token_request(by, &redeem_body(code, verifier)),
            Self::Refresh { token, by, scope } => token_request(by, &refresh_body(token, scope)),
            Self::Decide(pressed) => Request::Consent(consent(pressed)),
            Self::SignOut => {
                let (token, origin) = cast::form(&browser, Purpose::SignOut);
                Request::SignOut(SignOut { browser, token, origin })
            }
            Self::SignIn { rehash } => {
                let browser = cast::without_request();
                let (token, origin) = cast::form(&browser, Purpose::SignIn);
                let (username, network) = (Some(cast::username()), cast::network());
                Request::SignIn(SignIn { browser, token, origin, username, network, proof: Some(cast::proof(rehash)) })
            }
            Self::TryPassword => {
                let browser = cast::without_request();
                let (token, origin) = cast::form(&browser, Purpose::SignIn);
                let (username, network) = (Some(cast::username()), cast::network());
                Request::Admission(Admission::Try { browser, token, origin, username, network })
            }
            Self::Disable | Self::ResetPassword | Self::AddUser { .. } => Request::Operator(self),
        }
    }

    /// What the operator's command writes: it bypasses the endpoints, and commits the same changes.
    fn changes_of_the_operator(self, at: Time) -> Vec<Change> {
        let user = cast::person();
        match self {
            Self::Disable => vec![Change::SetUserStatus { user: user.id, status: Status::Disabled, at }],
            Self::ResetPassword => vec![Change::SetPassword { user: user.id, password: cast::new_password(), at }],
            Self::AddUser { id } => {
                let username = Username::parse("grace").unwrap();
                let user = User { id: UserId::new(id), username, ..user };
                vec![Change::AddUser { user, or: Refusal::NameTaken }]
            }
            _ => Vec::new(),
        }
    }
}

fn token_request(by: Sender, body: &str) -> Request {
    let credentials = match by {
        Sender::Owner(Owner::Confidential) => "client_id=web&client_secret=web-secret",
        Sender::Owner(Owner::Public) => "client_id=web",
        Sender::FalseOwner => "client_id=web&client_secret=made-up",
        Sender::OtherClient => "client_id=other&client_secret=other-secret",
    };
    let body = format!("{body}&{credentials}");
    Request::Token(TokenRequest::parse(None, None, body.as_bytes(), cast::network()).unwrap())
}

fn redeem_body(code: usize, verifier: Verifier) -> String {
    let verifier = match verifier {
        Verifier::Right => format!("&code_verifier={}", cast::VERIFIER),
        Verifier::Wrong => format!("&code_verifier={}", cast::WRONG_VERIFIER),
        Verifier::Absent => String::new(),
    };
    format!("grant_type=authorization_code&code={}{verifier}", cast::code_of(code).expose())
}

fn refresh_body(token: usize, scope: Option<&str>) -> String {
    let scope = scope.map(|scope| format!("&scope={}", scope.replace(' ', "+"))).unwrap_or_default();
    format!("grant_type=refresh_token&refresh_token={}{scope}", cast::refresh_token_of(token).expose())
}

/// Everything that was asked for stays ticked; a form that ticks more can give no more (CONSENT-04).
fn consent(pressed: Pressed) -> ConsentDecision {
    let browser = cast::browser();
    let (token, origin) = cast::form(&browser, Purpose::Consent);
    let verdict = match pressed {
        Pressed::Allow => Verdict::Allow,
        Pressed::Deny => Verdict::Deny,
        Pressed::SwitchAccount => Verdict::SwitchAccount,
    };
    let scopes = cast::scopes("read write admin").iter().cloned().collect();
    ConsentDecision { browser, token, origin, verdict, scopes, things: Vec::new() }
}

impl Request {
    pub(crate) fn lookup(&self) -> Lookup {
        match self {
            Self::Token(request) => request.lookup(),
            Self::Consent(request) => request.lookup(),
            Self::SignOut(request) => request.lookup(),
            Self::SignIn(request) => request.lookup(),
            Self::Admission(request) => request.lookup(),
            Self::Operator(_) => Lookup::default(),
        }
    }

    /// Decides as the shell would, with names for the gift that may come of it.
    pub(crate) fn decide(&self, facts: &Facts, now: Time, settings: &Settings, gift: usize) -> Judged {
        let mut random = Counted::for_gift(gift);
        let keys = JwkSet::default();
        let mut env = Env { now, random: &mut random, settings, keys: &keys };
        match self {
            Self::Token(request) => judged(request.decide(facts, &mut env), |issued| Answer::Tokens {
                scope: issued.scope,
                claimed: issued.access_token.scope,
            }),
            Self::Consent(request) => judged(request.decide(facts, &mut env), |decided| match decided {
                Decided::Answer(_) => Answer::Code,
                Decided::NothingChosen | Decided::SignInAgain | Decided::SessionOver => Answer::Nothing,
            }),
            Self::SignOut(request) => judged(request.decide(facts, &mut env), |()| Answer::Nothing),
            Self::SignIn(request) => judged(request.decide(facts, &mut env), |_| Answer::SignedIn),
            Self::Admission(request) => judged(request.decide(facts, &mut env), |_| Answer::Admitted),
            Self::Operator(ask) => {
                let answer = if matches!(ask, Ask::AddUser { .. }) { Answer::UserAdded } else { Answer::Nothing };
                Judged { answer: Ok(answer), changes: ask.changes_of_the_operator(now) }
            }
        }
    }
}

fn judged<A>(next: Next<A>, told: impl FnOnce(A) -> Answer) -> Judged {
    match next {
        Next::Done(Decision { answer, changes, .. }) => {
            Judged { answer: answer.map(told).map_err(|refused| refused.refusal), changes }
        }
        Next::Fetch(_) => unreachable!("nobody in a scenario has things to choose from"),
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redeem { by, verifier, .. } => {
                let verifier = match verifier {
                    Verifier::Right => "the right verifier",
                    Verifier::Wrong => "a wrong verifier",
                    Verifier::Absent => "no verifier",
                };
                write!(f, "{by} redeems the code with {verifier}")
            }
            Self::Refresh { token, by, scope } => {
                let scope = scope.map(|scope| format!(", asking for {scope:?}")).unwrap_or_default();
                write!(f, "{by} refreshes with token {token}{scope}")
            }
            Self::Decide(pressed) => write!(f, "the user presses {pressed:?}"),
            Self::SignOut => f.write_str("the user signs out"),
            Self::SignIn { rehash: false } => f.write_str("the user signs in"),
            Self::SignIn { rehash: true } => f.write_str("the user signs in, to be hashed anew"),
            Self::TryPassword => f.write_str("somebody tries a password"),
            Self::Disable => f.write_str("the operator disables the user"),
            Self::ResetPassword => f.write_str("the operator sets a new password"),
            Self::AddUser { id } => write!(f, "the operator adds {id}, called grace"),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner(_) => "the owner",
            Self::FalseOwner => "a stranger in the owner's name",
            Self::OtherClient => "another client",
        })
    }
}
