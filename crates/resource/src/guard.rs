//! [`Guard`]: one API, one issuer. Configuration comes in here and is judged at once.

use crate::access::Access;
use crate::challenge::{Reason, Refusal};
use crate::clock::Clock;
use crate::fetch;
use crate::issuer::{Issuer, IssuerFault, Transport, absolute_url, with_path};
use crate::keys::Keys;
use crate::layer::GuardLayer;
use crate::metadata::{ResourceMetadata, metadata_path};
use crate::verify::verify;
use axum::Router;
use grantd_tokens::{AccessTokenError, Secret};
use std::fmt;
use std::sync::Arc;

/// Protects one API with the tokens of one issuer. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Guard {
    api: Arc<Api>,
    metadata: Arc<ResourceMetadata>,
    metadata_path: Arc<str>,
    keys: Keys,
    clock: Clock,
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

    /// Fetches the keys of the issuer if that is due, and says what is wrong if there are none: to find a wrong address
    /// when the server starts, or for a readiness probe.
    pub async fn ready(&self) -> Result<(), IssuerFault> {
        self.keys.current().await.map(drop)
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
        let keys = self.keys.current().await.map_err(|_| self.refusal(Reason::NoKeys))?;
        let mut judged = verify(token, &keys, &self.api, self.clock.now());
        if let Err(AccessTokenError::UnknownKey { .. }) = judged {
            let keys = self.keys.newer().await.map_err(|_| self.refusal(Reason::NoKeys))?;
            judged = verify(token, &keys, &self.api, self.clock.now());
        }
        judged.map_err(|error| self.refusal(Reason::InvalidToken(error)))
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
        Ok(Guard {
            api: Arc::new(api),
            metadata: Arc::new(metadata),
            metadata_path: metadata_path.into(),
            keys: Keys::new(issuer, client, self.clock.clone()),
            clock: self.clock,
        })
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
    /// The HTTP client cannot be made: no usable root certificates, for example.
    #[error("the HTTP client for the issuer cannot be made: {0}")]
    HttpClient(reqwest::Error),
}
