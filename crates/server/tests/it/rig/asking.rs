//! Authorization requests, from a good one to whatever a test makes of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use grantd_protocol::parameters::encode;
use grantd_tokens::Digest;
use serde_json::json;

/// The `code_verifier` of every request.
pub(crate) const VERIFIER: &str = "a-code-verifier-that-is-long-enough-to-be-one";

/// The parameters of an authorization request.
#[derive(Clone)]
pub(crate) struct Asking(Vec<(String, String)>);

impl Asking {
    /// What the client `web` asks when nothing is special.
    pub(crate) fn of_web() -> Self {
        Self::of("web", "https://app.example/callback")
    }

    pub(crate) fn of(client: &str, redirect_uri: &str) -> Self {
        Self(Vec::new())
            .with("response_type", "code")
            .with("client_id", client)
            .with("redirect_uri", redirect_uri)
            .with("scope", "boxes:list letters:read")
            .with("state", "a state")
            .with("code_challenge", &Digest::of(VERIFIER.as_bytes()).to_base64url())
            .with("code_challenge_method", "S256")
    }

    /// Lockboxes to choose from, to read the letters.
    pub(crate) fn for_boxes(self) -> Self {
        let details = json!([{ "type": "lockbox", "actions": ["read"] }]);
        self.with("authorization_details", &details.to_string())
    }

    /// With this parameter instead of any of that name.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut asking = self.without(name);
        asking.0.push((name.to_owned(), value.to_owned()));
        asking
    }

    /// With this parameter once more.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// Who asks.
    pub(crate) fn client(&self) -> String {
        self.0.iter().find(|(name, _)| name == "client_id").map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub(crate) fn encoded(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        pairs.join("&")
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// The value of an `Authorization` header.
pub(crate) fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encode(client), encode(secret))))
}
