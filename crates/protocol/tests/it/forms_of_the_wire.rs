//! Requests as they are sent: parameters in order, repeats and all, and the browser that carries them.

use grantd_protocol::forms::BrowserState;
use grantd_protocol::names::Network;
use grantd_protocol::parameters::encode;
use grantd_tokens::Secret;

/// A list of parameters that is not yet encoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        Self { pairs: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    /// With this value instead of any other.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// With this value besides any other.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.pairs.retain(|(held, _)| held != name);
        self
    }

    pub(crate) fn encoded(&self) -> String {
        let pairs: Vec<String> =
            self.pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }
}

/// A person's browser: its cookies, the page it is on, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// The interaction cookie.
    pub(crate) cookie: Option<Secret>,
    /// The session cookie.
    pub(crate) session: Option<Secret>,
    /// The handle in the address of the page.
    pub(crate) handle: Option<Secret>,
    pub(crate) network: Network,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self { cookie: None, session: None, handle: None, network: Network::new("192.0.2.0/24") }
    }

    /// As its next request shows it to the server.
    pub(crate) fn state(&self) -> BrowserState {
        BrowserState { browser: self.cookie.clone(), session: self.session.clone(), handle: self.handle.clone() }
    }
}

/// A token request: body and `Authorization` header.
#[derive(Clone, Debug)]
pub(crate) struct TokenCall {
    pub(crate) form: Form,
    pub(crate) authorization: Option<String>,
    pub(crate) network: Network,
}

impl TokenCall {
    /// The same call with another body.
    pub(crate) fn map(mut self, change: impl FnOnce(Form) -> Form) -> Self {
        self.form = change(self.form);
        self
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.map(|form| form.with(name, value))
    }

    pub(crate) fn without(self, name: &str) -> Self {
        self.map(|form| form.without(name))
    }
}

/// The value of one parameter of an address, decoded.
pub(crate) fn parameter_of(location: &str, name: &str) -> Option<String> {
    let query = location.split_once('?')?.1.split('#').next().unwrap_or_default();
    grantd_protocol::parameters::Parameters::parse(query.as_bytes(), 65_536).unwrap().get(name).map(str::to_owned)
}
