//! One client of the authorization server, on the `oauth2` crate: how it asks, trades a code, trades a refresh token and gives it back.
//!
//! Knows nothing of browsers and pages. [`crate::redirect`] owns what binds an answer to its question.

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ExtraTokenFields, RedirectUrl, RefreshToken,
    RequestTokenError, RevocableToken, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::back_channel::{Answer, BackChannel, BackChannelFault};
use crate::declarations::LOCKBOX;
use crate::fault::DemoFault;
use crate::metadata::Metadata;
use crate::redirect::{Arrival, Departures, LocalPath};

/// A registered client at one authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    oauth: OauthClient,
    secret: Option<ClientSecret>,
    metadata: Metadata,
    back_channel: BackChannel,
}

/// Who a client is.
pub(crate) struct Registration<'a> {
    pub(crate) client_id: &'a str,
    /// `None` for a client that cannot keep one.
    pub(crate) secret: Option<&'a str>,
    pub(crate) redirect_uri: &'a str,
}

/// What a client asks a person for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) resources: Vec<String>,
}

impl Client {
    pub(crate) fn new(
        registration: &Registration<'_>,
        metadata: Metadata,
        back_channel: BackChannel,
    ) -> Result<Self, DemoFault> {
        let url = |text: &str| DemoFault::Url(text.to_owned());
        let authorize = AuthUrl::new(metadata.authorization_endpoint.clone());
        let authorize = authorize.map_err(|_| url(&metadata.authorization_endpoint))?;
        let token = TokenUrl::new(metadata.token_endpoint.clone()).map_err(|_| url(&metadata.token_endpoint))?;
        let redirect = RedirectUrl::new(registration.redirect_uri.to_owned());
        let redirect = redirect.map_err(|_| url(registration.redirect_uri))?;
        let mut oauth = oauth2::Client::new(ClientId::new(registration.client_id.to_owned()))
            .set_auth_uri(authorize)
            .set_token_uri(token)
            .set_redirect_uri(redirect);
        let secret = registration.secret.map(|secret| ClientSecret::new(secret.to_owned()));
        if let Some(secret) = &secret {
            // The crate's own choice is `client_secret_basic` (RFC 6749 §2.3.1).
            oauth = oauth.set_client_secret(secret.clone());
        }
        Ok(Self { oauth, secret, metadata, back_channel })
    }

    /// Who the authorization server is.
    pub(crate) fn issuer(&self) -> &str {
        &self.metadata.issuer.identifier
    }

    pub(crate) fn back_channel(&self) -> &BackChannel {
        &self.back_channel
    }

    /// The address to send the browser to. Asks to read lockboxes and leaves it to the person which.
    pub(crate) fn depart(&self, wish: &Wish, departures: &mut Departures, return_to: LocalPath, now: Instant) -> Url {
        let boarding = departures.begin(self.metadata.issuer.clone(), return_to, now);
        let mut request = self
            .oauth
            .authorize_url(|| boarding.state)
            .set_pkce_challenge(boarding.challenge)
            .add_scopes(wish.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .add_extra_param("authorization_details", json!([{ "type": LOCKBOX, "actions": ["read"] }]).to_string());
        for resource in &wish.resources {
            request = request.add_extra_param("resource", resource.clone());
        }
        request.url().0
    }

    /// Trades the code, with the verifier and whatever proves this client, for a key to one API and a voucher.
    pub(crate) async fn redeem(&self, arrival: Arrival, resource: &str) -> Result<Tokens, TokenFault> {
        let request = self.oauth.exchange_code(arrival.code).set_pkce_verifier(arrival.verifier);
        let request = request.add_extra_param("resource", resource.to_owned());
        request.request_async(&self.back_channel).await.map_err(TokenFault::from)
    }

    /// Trades the voucher for a new key to one API, and a new voucher. If no answer comes the same voucher is sent once more: whether
    /// the request was lost or its answer, the server makes the same of it (REFRESH-10).
    pub(crate) async fn refresh(&self, voucher: &RefreshToken, resource: &str) -> Result<Tokens, TokenFault> {
        match self.refresh_once(voucher, resource).await {
            Err(TokenFault::NoAnswer(_)) => self.refresh_once(voucher, resource).await,
            answered => answered,
        }
    }

    async fn refresh_once(&self, voucher: &RefreshToken, resource: &str) -> Result<Tokens, TokenFault> {
        let request = self.oauth.exchange_refresh_token(voucher).add_extra_param("resource", resource.to_owned());
        request.request_async(&self.back_channel).await.map_err(TokenFault::from)
    }

    /// Gives a token back (RFC 7009): a voucher, and all that hangs on it ends; a key, and it ends alone. Not by the crate, which
    /// refuses plain http also on loopback.
    pub(crate) async fn give_back(&self, token: impl Into<StandardRevocableToken>) -> Result<(), TokenFault> {
        let Some(endpoint) = &self.metadata.revocation_endpoint else {
            return Err(TokenFault::NoAnswer("the server names no place to give tokens back".to_owned()));
        };
        let (token, client_id) = (token.into(), self.oauth.client_id().as_str());
        let (token, hint) = (("token", token.secret()), ("token_type_hint", token.type_hint().unwrap_or_default()));
        let answer = match self.secret.as_ref().map(ClientSecret::secret) {
            Some(secret) => self.back_channel.post_form_as((client_id, secret), endpoint, &[token, hint]).await,
            None => self.back_channel.post_form(endpoint, &[token, hint, ("client_id", client_id)]).await,
        };
        let answer = answer.map_err(|fault| TokenFault::NoAnswer(fault.to_string()))?;
        if answer.status == http::StatusCode::OK { Ok(()) } else { Err(TokenFault::of(&answer)) }
    }
}

type OauthClient = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A token response, with what was left of the authorization details (RFC 9396 §7).
pub(crate) type Tokens = StandardTokenResponse<GrantedDetails, BasicTokenType>;

/// The member of the token response that RFC 9396 adds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GrantedDetails {
    #[serde(default)]
    authorization_details: Vec<Value>,
}

impl ExtraTokenFields for GrantedDetails {}

impl GrantedDetails {
    /// The boxes that may be read.
    pub(crate) fn boxes(&self) -> Vec<String> {
        let member = |detail: &Value, name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
        let lockboxes =
            self.authorization_details.iter().filter(|detail| member(detail, "type").as_deref() == Some(LOCKBOX));
        lockboxes.filter_map(|detail| member(detail, "identifier")).collect()
    }
}

/// What the token endpoint answered instead of tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("{error}{}", description.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused { error: String, description: Option<String> },
    #[error("no usable answer: {0}")]
    NoAnswer(String),
}

impl TokenFault {
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let word = |name| body.get(name).and_then(Value::as_str).map(str::to_owned);
        match word("error") {
            Some(error) => Self::Refused { error, description: word("error_description") },
            None => Self::NoAnswer(format!("it answered {}", answer.status)),
        }
    }

    /// Whether the server judged what was sent, so that sending it again is pointless.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl From<RequestTokenError<BackChannelFault, BasicErrorResponse>> for TokenFault {
    fn from(error: RequestTokenError<BackChannelFault, BasicErrorResponse>) -> Self {
        match error {
            RequestTokenError::ServerResponse(refusal) => {
                Self::Refused { error: refusal.error().to_string(), description: refusal.error_description().cloned() }
            }
            RequestTokenError::Request(fault) => Self::NoAnswer(fault.to_string()),
            // Neither the body nor the parser's words: they may quote a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Self::NoAnswer("it is not a token response".to_owned())
            }
        }
    }
}
