//! Grants as the server writes them, written through the store itself: the stock that commits are measured on, and what a database
//! that has grown holds.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::{
    AccessTokenId, ClientId, GrantId, Issuer, Network, RedirectUri, ResourceId, Scopes, UserId, Username,
};
use grantd_protocol::records::{
    Code, Given, Grant, GrantState, IssuedAccessToken, Presence, Redemption, RefreshToken, Session, SessionState,
    Spending, Status, User,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::pkce::CodeChallenge;
use grantd_protocol::token::refresh_secret::RefreshSecret;
use grantd_store::Store;
use grantd_tokens::{Digest, Random, Seconds, Secret, Time};

use crate::fault::Fault;
use crate::world::{API, CALLBACK, ISSUER, VERIFIER, WANTED, WEB};

/// Unique, and nothing more: what it makes opens a benchmark's database.
#[derive(Debug)]
pub struct Counted {
    of: &'static str,
    number: u64,
}

impl Counted {
    /// A series that no other name repeats.
    pub fn series(of: &'static str, from: u64) -> Self {
        Self { of, number: from }
    }
}

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.number += 1;
            let digest = Digest::of(format!("{} {}", self.of, self.number).as_bytes());
            for (byte, random) in chunk.iter_mut().zip(digest.as_bytes()) {
                *byte = *random;
            }
        }
    }
}

/// Grants are spread over so many people.
const PEOPLE: u64 = 1000;

/// Makes grants, one after the other.
#[derive(Debug)]
pub struct Stock {
    issuer: Issuer,
    random: Counted,
    now: Time,
    made: u64,
    scopes: Scopes,
}

/// A grant that was given, and whose code nobody has redeemed.
#[derive(Debug)]
pub struct Unredeemed {
    /// Its code.
    pub code: Secret,
    grant: GrantId,
}

impl Stock {
    /// Begins a series of grants in an issuer's store: `series` keeps two apart.
    pub fn begin(series: &'static str, now: Time) -> Result<Self, Fault> {
        let scopes = Scopes::parse(WANTED).ok_or_else(|| Fault::Part("the scopes are none".to_owned()))?;
        Ok(Self { issuer: Issuer::new(ISSUER), random: Counted::series(series, 0), now, made: 0, scopes })
    }

    /// The people whose grants they are. Once in each database.
    pub async fn settle(&self, store: &Store) -> Result<(), Fault> {
        let mut changes = Vec::new();
        for number in 0..PEOPLE {
            let name = format!("stored-{number}");
            let username = Username::parse(&name).ok_or_else(|| Fault::Part(format!("{name} is no username")))?;
            let user = User {
                id: UserId::new(name),
                username,
                name: None,
                password: None,
                status: Status::Active,
                credentials_generation: 0,
                created_at: self.now,
            };
            changes.push(Change::AddUser { user, or: Refusal::NameTaken });
        }
        self.commit(store, changes).await
    }

    /// Writes so many grants, each with its session and its unredeemed code, in one transaction.
    pub async fn give(&mut self, store: &Store, count: usize) -> Result<Vec<Unredeemed>, Fault> {
        let mut changes = Vec::with_capacity(count * 3);
        let given = (0..count).map(|_| self.given(&mut changes)).collect::<Result<_, Fault>>()?;
        self.commit(store, changes).await?;
        Ok(given)
    }

    /// Writes so many grants in one transaction as they are once their code is redeemed, and gives back their refresh tokens.
    pub async fn keep(&mut self, store: &Store, count: usize) -> Result<Vec<Secret>, Fault> {
        let mut changes = Vec::with_capacity(count * 6);
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            let given = self.given(&mut changes)?;
            let (exchange, token) = self.exchange(&given);
            changes.extend(exchange);
            tokens.push(token);
        }
        self.commit(store, changes).await?;
        Ok(tokens)
    }

    /// What redeeming a code writes, as `token::authorization_code` decides it, and the refresh token that it answers.
    pub fn exchange(&mut self, given: &Unredeemed) -> (Vec<Change>, Secret) {
        let RefreshSecret { token, family } = RefreshSecret::first(&mut self.random);
        let refresh_token = RefreshToken {
            hash: token.hash(),
            grant: given.grant.clone(),
            family,
            generation: 0,
            issued_at: self.now,
            expires_at: self.now + Seconds::days(14),
            beside: Some(IssuedAccessToken {
                id: AccessTokenId::of(Some(&given.grant), &mut self.random),
                expires_at: self.now + Seconds::minutes(5),
            }),
            sent_to: Some(Network::new("198.51.100.0/24")),
            spending: Spending::Unspent,
        };
        let changes = vec![
            Change::RedeemCode { code: given.code.hash(), at: self.now },
            Change::UseGrant { grant: given.grant.clone(), narrowings: 0, at: self.now },
            Change::AddRefreshToken(refresh_token),
        ];
        (changes, token)
    }

    /// The issuer whose grants they are.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    fn given(&mut self, changes: &mut Vec<Change>) -> Result<Unredeemed, Fault> {
        let user = UserId::new(format!("stored-{}", self.made % PEOPLE));
        self.made += 1;
        let session = Secret::random(&mut self.random).hash();
        let grant = GrantId::new(Secret::random(&mut self.random).hash().to_base64url());
        let code = Secret::random(&mut self.random);
        let (now, ends) = (self.now, self.now + Seconds::days(90));
        changes.push(Change::AddSession {
            session: Session {
                id: session,
                user: user.clone(),
                authenticated_at: now,
                last_used_at: now,
                expires_at: now + Seconds::hours(12),
                state: SessionState::Live,
            },
            credentials_generation: 0,
        });
        changes.push(Change::AddGrant(Grant {
            id: grant.clone(),
            user,
            client: ClientId::new(WEB.id),
            session,
            scopes: self.scopes.clone(),
            resources: vec![ResourceId::new(API)],
            default_resource: Some(ResourceId::new(API)),
            details: Vec::new(),
            given: Given { scopes: self.scopes.clone(), details: Vec::new() },
            names: Vec::new(),
            presence: Presence::Offline,
            authenticated_at: now,
            created_at: now,
            expires_at: ends,
            last_used_at: now,
            narrowings: 0,
            state: GrantState::Standing,
        }));
        changes.push(Change::AddCode(Code {
            hash: code.hash(),
            grant: grant.clone(),
            client: ClientId::new(WEB.id),
            redirect_uri: RedirectUri::new(CALLBACK),
            code_challenge: challenge()?,
            issued_at: now,
            expires_at: now + Seconds(60),
            wrong_verifiers: 0,
            redemption: Redemption::Pending,
        }));
        Ok(Unredeemed { code, grant })
    }

    async fn commit(&self, store: &Store, changes: Vec<Change>) -> Result<(), Fault> {
        match store.commit(&self.issuer, changes).await? {
            Commit::Done => Ok(()),
            other => Err(Fault::Part(format!("the stock could not be written: {other:?}"))),
        }
    }
}

fn challenge() -> Result<CodeChallenge, Fault> {
    let challenge = Digest::of(VERIFIER.as_bytes()).to_base64url();
    CodeChallenge::parse(&challenge).ok_or_else(|| Fault::Part("the challenge is none".to_owned()))
}
