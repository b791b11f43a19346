//! The names this server answers to (LIMITS-07).

use http::header::HOST;
use http::{Request, StatusCode, Version};

/// The configured names: `id.example.com`, or `localhost:8080` where the port is not the usual one.
#[derive(Clone, Debug)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// A name without a port also stands for itself with `:443` and `:80`.
    pub fn new<Name: AsRef<str>>(names: impl IntoIterator<Item = Name>) -> Self {
        Self(names.into_iter().map(|name| normal(name.as_ref())).collect())
    }

    /// Whether a request that names `authority` is meant for this server.
    pub fn contains(&self, authority: &str) -> bool {
        // Nearly all requests name it as it stands here.
        self.0.iter().any(|name| name == authority) || self.0.contains(&normal(authority))
    }

    /// Checks the `Host` field and, in absolute form, the target as well (RFC 9112 §3.2.2); gives the status to refuse with.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), StatusCode> {
        let mut hosts = request.headers().get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => {
                let host = host.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
                if !self.contains(host) {
                    tracing::info!(host, expected = self.0.join(" "), "a request named another host");
                    return Err(StatusCode::MISDIRECTED_REQUEST);
                }
            }
            // RFC 9112 §3.2: HTTP/1.1 must name a host. HTTP/1.0 may not, and then names none of ours.
            (None, _) if request.version() == Version::HTTP_10 => return Err(StatusCode::MISDIRECTED_REQUEST),
            (None, _) | (Some(_), Some(_)) => return Err(StatusCode::BAD_REQUEST),
        }
        match request.uri().authority() {
            Some(authority) if !self.contains(authority.as_str()) => Err(StatusCode::MISDIRECTED_REQUEST),
            _ => Ok(()),
        }
    }
}

/// Lower case, without the port that goes without saying.
fn normal(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    let without = lower.strip_suffix(":443").or_else(|| lower.strip_suffix(":80"));
    without.map_or(lower.clone(), str::to_owned)
}
