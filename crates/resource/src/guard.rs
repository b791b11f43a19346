//! [`Guard`]: one API, one issuer. Configuration comes in here and is judged at once.

use crate::access::{Access, Granted};
use crate::challenge::{Reason, Refusal, Unavailable};
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::fetch;
use crate::introspection::{Introspection, Introspector};
use crate::issuer::{Issuer, IssuerFault, Transport, absolute_url, with_path};
use crate::keys::Keys;
use crate::layer::GuardLayer;
use crate::metadata::{ResourceMetadata, metadata_path};
use crate::revocations::{Following, Revocations};
use crate::verify::verify;
use axum::Router;
use grantd_tokens::{AccessTokenError, Secret};
use std::fmt;
use std::sync::Arc;

/// Protects one API with the tokens of one issuer. Cheap to clone; clones share what they know of the issuer.
#[derive(Clone)]
pub struct Guard {
    api: Arc<Api>,
    metadata: Arc<ResourceMetadata>,
    metadata_path: Arc<str>,
    judge: Judge,
    clock: Clock,
}

/// Who says whether a token is good.
#[derive(Clone)]
enum Judge {
    /// We, with the keys of the issuer, and with its revocations if they are followed.
    Ourselves { keys: Keys, revocations: Option<Revocations> },
    /// The issuer, each time.
    Issuer(Introspector),
}

impl Guard {
    /// Starts the configuration: who makes the tokens, and who this API is (the `aud` of its tokens and the `resource`
    /// clients ask for). Both are compared byte by byte later, so write them exactly as the issuer does.
    pub fn builder(issuer: &str, resource: &str) -> GuardBuilder {
        GuardBuilder {
            issuer: issuer.to_owned(),
            resource: resource.to_owned(),
            realm: None,
            name: None,
            scopes: Vec::new(),
            details_types: Vec::new(),
            following: None,
            introspection: None,
            transport: Transport::Https,
            clock: Clock::System,
        }
    }

    /// The whole protection in one step: everything in `routes` is closed, fallbacks and unknown methods included
    /// (RS-17), and the metadata of the API stands open beside it (RS-12).
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        self.metadata_routes().merge(routes.layer(self.layer()))
    }

    /// The layer that closes everything beneath it to requests without a good token (RS-17), and gives handlers their
    /// [`Access`].
    pub fn layer(&self) -> GuardLayer {
        GuardLayer::new(self.clone())
    }

    /// Judges a token as the layer does: for servers that are not built on `tower`.
    pub async fn verify(&self, token: &str) -> Result<Access, Refusal> {
        self.admit(&Secret::new(token)).await
    }

    /// Fetches what tokens are judged with, if that is due, and says what is wrong if it cannot be had: to find a wrong
    /// address when the server starts, or for a readiness probe. What is wrong with the credentials for introspection
    /// shows only with the first token.
    pub async fn ready(&self) -> Result<(), IssuerFault> {
        match &self.judge {
            Judge::Ourselves { keys, revocations } => {
                keys.current().await?;
                match revocations {
                    Some(revocations) => revocations.ready().await,
                    None => Ok(()),
                }
            }
            Judge::Issuer(introspector) => introspector.ready().await,
        }
    }

    /// What is published about this API.
    pub fn metadata(&self) -> &ResourceMetadata {
        &self.metadata
    }

    pub(crate) fn metadata_path(&self) -> &str {
        &self.metadata_path
    }

    pub(crate) fn refusal(&self, reason: Reason) -> Refusal {
        let refusal = Refusal::new(&self.api, reason);
        tracing::debug!(status = refusal.status().as_u16(), error = refusal.error(), reason = %refusal, "request refused");
        refusal
    }

    pub(crate) async fn admit(&self, token: &Secret) -> Result<Access, Refusal> {
        let judged = match &self.judge {
            Judge::Ourselves { keys, revocations } => self.check(token, keys, revocations.as_ref()).await,
            Judge::Issuer(introspector) => introspector.judge(token, &self.api).await,
        };
        judged.map(|granted| Access::new(&self.api, granted)).map_err(|reason| self.refusal(reason))
    }

    async fn check(
        &self,
        token: &Secret,
        keys: &Keys,
        revocations: Option<&Revocations>,
    ) -> Result<Arc<Granted>, Reason> {
        let no_keys = |_| Reason::Unavailable(Unavailable::Keys);
        let mut checked = verify(token, &*keys.current().await.map_err(no_keys)?, &self.api, self.clock.now());
        if let Err(AccessTokenError::UnknownKey { .. }) = checked {
            checked = verify(token, &*keys.newer().await.map_err(no_keys)?, &self.api, self.clock.now());
        }
        let token = checked.map_err(Reason::InvalidToken)?;
        if let Some(revocations) = revocations {
            revocations.judge(&token).await?;
        }
        Ok(Arc::new(token.into()))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("api", &self.api).finish_non_exhaustive()
    }
}

/// The configuration of a [`Guard`].
#[derive(Clone, Debug)]
#[must_use = "a guard is made by `build`"]
pub struct GuardBuilder {
    issuer: String,
    resource: String,
    realm: Option<String>,
    name: Option<String>,
    scopes: Vec<String>,
    details_types: Vec<String>,
    following: Option<Following>,
    introspection: Option<Introspection>,
    transport: Transport,
    clock: Clock,
}

impl GuardBuilder {
    /// The scopes this API knows, for its metadata. Handlers demand them: [`Access::require_scope`].
    pub fn scopes<I: Into<String>>(mut self, scopes: impl IntoIterator<Item = I>) -> GuardBuilder {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The types of authorization details this API understands, for its metadata.
    pub fn details_types<I: Into<String>>(mut self, types: impl IntoIterator<Item = I>) -> GuardBuilder {
        self.details_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// A name for people, for the metadata.
    pub fn name(mut self, name: impl Into<String>) -> GuardBuilder {
        self.name = Some(name.into());
        self
    }

    /// The `realm` of challenges; the resource identifier if not set.
    pub fn realm(mut self, realm: impl Into<String>) -> GuardBuilder {
        self.realm = Some(realm.into());
        self
    }

    /// Refuses what was revoked before its time, by following the revocation feed of the issuer (AT-11).
    ///
    /// The feed is asked for in the background, on the runtime of the first request and from then on, until the last clone
    /// of the guard is gone. The first requests wait up to 5 seconds for the first feed; no later one waits.
    pub fn follow_revocations(mut self, following: Following) -> GuardBuilder {
        self.following = Some(following);
        self
    }

    /// Asks the issuer about every token rather than checking signatures (RS-14): for opaque tokens, and for an API that
    /// must not let a revoked token in for even a few seconds. If the issuer does not answer, nobody is let in.
    pub fn introspect(mut self, introspection: Introspection) -> GuardBuilder {
        self.introspection = Some(introspection);
        self
    }

    /// Lets issuer and resource be plain http on this machine. Never for anything that others can reach.
    pub fn development(mut self) -> GuardBuilder {
        self.transport = Transport::HttpsOrLoopback;
        self
    }

    /// Takes the time from elsewhere than the system: for tests.
    pub fn clock(mut self, clock: Clock) -> GuardBuilder {
        self.clock = clock;
        self
    }

    /// Judges the configuration. Nothing is fetched yet; see [`Guard::ready`].
    pub fn build(self) -> Result<Guard, ConfigurationFault> {
        let issuer = Issuer::parse(&self.issuer, self.transport)
            .ok_or_else(|| ConfigurationFault::Issuer(self.issuer.clone()))?;
        let resource_url = absolute_url(&self.resource, self.transport)
            .ok_or_else(|| ConfigurationFault::Resource(self.resource.clone()))?;
        let metadata_path = metadata_path(&resource_url);
        let client = fetch::client().map_err(ConfigurationFault::HttpClient)?;
        let metadata = ResourceMetadata {
            resource: self.resource.clone(),
            authorization_servers: vec![self.issuer],
            bearer_methods_supported: vec!["header".to_owned()],
            scopes_supported: self.scopes,
            authorization_details_types_supported: self.details_types,
            resource_name: self.name,
        };
        let api = Api {
            realm: self.realm.unwrap_or_else(|| self.resource.clone()),
            metadata_url: with_path(&resource_url, &metadata_path).into(),
            resource: self.resource,
            issuer: issuer.clone(),
        };
        let discovery = Discovery::new(issuer, client, self.clock.clone());
        let judge = judge(self.following, self.introspection, discovery, &self.clock)?;
        Ok(Guard {
            api: Arc::new(api),
            metadata: Arc::new(metadata),
            metadata_path: metadata_path.into(),
            judge,
            clock: self.clock,
        })
    }
}

fn judge(
    following: Option<Following>,
    introspection: Option<Introspection>,
    discovery: Discovery,
    clock: &Clock,
) -> Result<Judge, ConfigurationFault> {
    let keys = Keys::new(discovery.clone(), clock.clone());
    match (following, introspection) {
        (Some(_), Some(_)) => Err(ConfigurationFault::FollowingAndIntrospection),
        (Some(following), None) if !following.is_sensible() => Err(ConfigurationFault::Following(following)),
        (None, Some(introspection)) => {
            Ok(Judge::Issuer(Introspector::new(introspection, discovery, keys, clock.clone())))
        }
        (following, None) => {
            let revocations =
                following.map(|following| Revocations::new(following, discovery, keys.clone(), clock.clone()));
            Ok(Judge::Ourselves { keys, revocations })
        }
    }
}

/// Who this API is, as its challenges say. Nothing of it comes from a request (RS-16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) issuer: Issuer,
    pub(crate) resource: String,
    pub(crate) realm: String,
    pub(crate) metadata_url: String,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationFault {
    /// The issuer is not usable.
    #[error(
        "the issuer {0:?} must be an https URL without query and fragment (http on this machine only with `.development()`)"
    )]
    Issuer(String),
    /// The resource is not usable.
    #[error(
        "the resource {0:?} must be an https URL without query and fragment (http on this machine only with `.development()`)"
    )]
    Resource(String),
    /// The revocation feed cannot be followed like that.
    #[error(
        "revocations are followed every 1 to 3600 seconds, and requests refused only after more than one interval: {0:?}"
    )]
    Following(Following),
    /// Who asks about every token has no use for a feed.
    #[error("choose one of `.follow_revocations()` and `.introspect()`: who asks about every token needs no feed")]
    FollowingAndIntrospection,
    /// The HTTP client cannot be made: no usable root certificates, for example.
    #[error("the HTTP client for the issuer cannot be made: {0}")]
    HttpClient(reqwest::Error),
}
