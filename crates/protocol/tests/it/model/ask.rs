//! What can be asked of the server in a scenario, in the very types and parsers that the server uses.

use std::fmt;

use grantd_protocol::changes::Change;
use grantd_protocol::consent::{ConsentDecision, Decided, Verdict};
use grantd_protocol::endpoint::{Decision, Endpoint, Env, Next};
use grantd_protocol::events::EventKind;
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::forms::Purpose;
use grantd_protocol::login::{Admission, SignIn, SignOut};
use grantd_protocol::names::{AccessTokenId, Scopes, UserId, Username};
use grantd_protocol::records::{Grant, GrantState, IssuedAccessToken, Status, User};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::state::Records;
use grantd_protocol::token::{Issued, TokenRequest};
use grantd_tokens::{AccessTokenClaims, JwkSet, Time};

use super::cast::{self, Counted, Owner};
use super::gifts::Gift;

/// One thing that somebody can do to the server. Codes and refresh tokens are named by the gift they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ask {
    /// `grant_type=authorization_code`.
    Redeem { code: u8, by: Sender, verifier: Verifier },
    /// `grant_type=refresh_token`.
    Refresh { token: u8, by: Sender, scope: Scope },
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
    /// The operator adds a user of one and the same name, with one of two ids.
    AddUser { second: bool },
    /// The user takes back all but one scope of every grant.
    Narrow,
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
    /// A tab of the honest client, which is a public one.
    Tab,
    /// Somebody who copied a refresh token of that client, and shows it as that client.
    Thief,
}

/// Which scope comes with a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// None is named: all that was granted.
    Granted,
    Less,
    More,
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
    pub(crate) notes: Vec<EventKind>,
}

pub(crate) enum Answer {
    Tokens { scope: Scopes, claimed: Option<String>, refresh_token: String, access_token: IssuedAccessToken },
    Code,
    SignedIn,
    Admitted,
    UserAdded,
    Nothing,
}

impl Ask {
    /// Whether a token request proves that it comes from the code's owner. Of a public client a thief can prove as much.
    pub(crate) fn is_proven(self) -> bool {
        let is_owner = |by| matches!(by, Sender::Owner(_) | Sender::Tab | Sender::Thief);
        match self {
            Self::Redeem { by, verifier, .. } => is_owner(by) && verifier == Verifier::Right,
            Self::Refresh { by, .. } => is_owner(by),
            _ => false,
        }
    }

    /// Who sends it, if it is a token request.
    pub(crate) fn sender(self) -> Option<Sender> {
        match self {
            Self::Redeem { by, .. } | Self::Refresh { by, .. } => Some(by),
            _ => None,
        }
    }

    /// The request as the server reads it.
    pub(crate) fn request(self, gifts: &[Gift]) -> Request {
        let browser = cast::browser();
        match self {
            Self::Redeem { code, by, verifier } => token_request(by, &redeem_body(code, verifier)),
            Self::Refresh { token, by, scope } => token_request(by, &refresh_body(gifts, token, scope)),
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
            Self::Disable | Self::ResetPassword | Self::AddUser { .. } | Self::Narrow => Request::Operator(self),
        }
    }

    /// What the operator's command writes: it bypasses the endpoints, and commits the same changes.
    fn changes_of_the_operator(self, at: Time, records: &Records) -> Vec<Change> {
        let user = cast::person();
        match self {
            Self::Disable => vec![Change::SetUserStatus { user: user.id, status: Status::Disabled, at }],
            Self::ResetPassword => vec![Change::SetPassword { user: user.id, password: cast::new_password(), at }],
            Self::AddUser { second } => {
                let username = Username::parse("grace").unwrap();
                let user = User { id: UserId::new(id_of(second)), username, ..user };
                vec![Change::AddUser { user, or: Refusal::NameTaken }]
            }
            Self::Narrow => records.grants.values().filter_map(narrowed).collect(),
            _ => Vec::new(),
        }
    }
}

fn id_of(second: bool) -> &'static str {
    if second { "u-two" } else { "u-one" }
}

fn narrowed(grant: &Grant) -> Option<Change> {
    let scopes = grant.scopes.filtered(|scope| scope.as_str() == cast::LEFT);
    (grant.state == GrantState::Standing && scopes != grant.scopes).then(|| Change::NarrowGrant {
        grant: grant.id.clone(),
        narrowings: grant.narrowings,
        scopes,
        resources: grant.resources.clone(),
        details: grant.details.clone(),
    })
}

fn token_request(by: Sender, body: &str) -> Request {
    let credentials = match by {
        Sender::Owner(Owner::Confidential) => "client_id=web&client_secret=web-secret",
        Sender::Owner(Owner::Public) | Sender::Tab | Sender::Thief => "client_id=web",
        Sender::FalseOwner => "client_id=web&client_secret=made-up",
        Sender::OtherClient => "client_id=other&client_secret=other-secret",
    };
    let body = format!("{body}&{credentials}");
    Request::Token(TokenRequest::parse(None, None, body.as_bytes(), cast::network()).unwrap())
}

fn redeem_body(code: u8, verifier: Verifier) -> String {
    let verifier = match verifier {
        Verifier::Right => format!("&code_verifier={}", cast::VERIFIER),
        Verifier::Wrong => format!("&code_verifier={}", cast::WRONG_VERIFIER),
        Verifier::Absent => String::new(),
    };
    format!("grant_type=authorization_code&code={}{verifier}", cast::code_of(code).expose())
}

fn refresh_body(gifts: &[Gift], token: u8, scope: Scope) -> String {
    let Gift::Tokens(tokens) = &gifts[usize::from(token)] else { unreachable!("a refresh token comes with tokens") };
    let scope = scope.named().map(|scope| format!("&scope={}", scope.replace(' ', "+"))).unwrap_or_default();
    format!("grant_type=refresh_token&refresh_token={}{scope}", tokens.refresh_token)
}

impl Scope {
    pub(crate) fn named(self) -> Option<&'static str> {
        match self {
            Self::Granted => None,
            Self::Less => Some("read"),
            Self::More => Some("read write admin"),
        }
    }
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
    /// An operator reads and writes at once, so that what they do is by the records of the commit.
    pub(crate) fn decide(
        &self,
        facts: &Facts,
        records: &Records,
        (now, settings): (Time, &Settings),
        gift: usize,
    ) -> Judged {
        let mut random = Counted::for_gift(gift);
        let keys = JwkSet::default();
        let mut env = Env { now, random: &mut random, settings, keys: &keys };
        match self {
            Self::Token(request) => judged(request.decide(facts, &mut env), tokens),
            Self::Consent(request) => judged(request.decide(facts, &mut env), |decided| match decided {
                Decided::Answer(_) => Answer::Code,
                Decided::NothingChosen | Decided::SignInAgain | Decided::SessionOver => Answer::Nothing,
            }),
            Self::SignOut(request) => judged(request.decide(facts, &mut env), |()| Answer::Nothing),
            Self::SignIn(request) => judged(request.decide(facts, &mut env), |_| Answer::SignedIn),
            Self::Admission(request) => judged(request.decide(facts, &mut env), |_| Answer::Admitted),
            Self::Operator(ask) => {
                let answer = if matches!(ask, Ask::AddUser { .. }) { Answer::UserAdded } else { Answer::Nothing };
                Judged { answer: Ok(answer), changes: ask.changes_of_the_operator(now, records), notes: Vec::new() }
            }
        }
    }
}

fn tokens(issued: Issued) -> Answer {
    let AccessTokenClaims { jti, exp, scope: claimed, .. } = issued.access_token;
    let access_token = IssuedAccessToken { id: AccessTokenId::new(jti), expires_at: exp };
    let refresh_token = issued.refresh_token.unwrap().expose().to_owned();
    Answer::Tokens { scope: issued.scope, claimed, refresh_token, access_token }
}

fn judged<A>(next: Next<A>, told: impl FnOnce(A) -> Answer) -> Judged {
    match next {
        Next::Done(Decision { answer, changes, notes, .. }) => {
            let notes = notes.into_iter().map(|note| note.kind).collect();
            Judged { answer: answer.map(told).map_err(|refused| refused.refusal), changes, notes }
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
                let scope = scope.named().map(|scope| format!(", asking for {scope:?}")).unwrap_or_default();
                write!(f, "{by} refreshes with token {token}{scope}")
            }
            Self::Decide(pressed) => write!(f, "the user presses {pressed:?}"),
            Self::SignOut => f.write_str("the user signs out"),
            Self::SignIn { rehash: false } => f.write_str("the user signs in"),
            Self::SignIn { rehash: true } => f.write_str("the user signs in, to be hashed anew"),
            Self::TryPassword => f.write_str("somebody tries a password"),
            Self::Disable => f.write_str("the operator disables the user"),
            Self::ResetPassword => f.write_str("the operator sets a new password"),
            Self::AddUser { second } => write!(f, "the operator adds {}, called grace", id_of(*second)),
            Self::Narrow => f.write_str("the user takes a scope back"),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner(_) => "the owner",
            Self::FalseOwner => "a stranger in the owner's name",
            Self::OtherClient => "another client",
            Self::Tab => "a tab",
            Self::Thief => "the thief",
        })
    }
}
