//! The issuer identifier, and how the server may be reached under it (META-02, META-08, NEVER-07).

use std::net::{IpAddr, SocketAddr};

use grantd_protocol::names::Issuer;
use grantd_protocol::uri::Uri;

use super::reading::Reading;
use crate::pages::Mode;

/// Reads the issuer. `None` if there is no usable one; then there is a fault.
pub(super) fn read(reading: &mut Reading<'_>, mode: Mode, listen: SocketAddr) -> Option<Issuer> {
    let default = match mode {
        Mode::Production => None,
        Mode::Development => match listen.port() {
            0 => None,
            // Goes without saying, and is refused where it is said.
            80 => Some("http://localhost".to_owned()),
            port => Some(format!("http://localhost:{port}")),
        },
    };
    let Some(text) = reading.text("issuer", default.as_deref()) else {
        // A value of another type has its fault already.
        if !reading.is_set("issuer") {
            reading.refuse("issuer", "is not set", HOW_TO_SET);
        }
        return None;
    };
    match judge(&text, mode) {
        Ok(()) => Some(Issuer::new(text)),
        Err((why, fix)) => {
            reading.refuse("issuer", why, fix);
            None
        }
    }
}

/// Clients compare the issuer byte for byte, so what a URL library might change on the way is refused here.
fn judge(text: &str, mode: Mode) -> Result<(), (String, String)> {
    let refuse = |why: &str, fix: String| Err((why.to_owned(), fix));
    if !text.is_ascii() {
        let why = "has letters beyond ASCII: clients compare byte for byte, and browsers write them otherwise";
        return refuse(why, "write the host as browsers send it (xn--…), and the path in ASCII".to_owned());
    }
    let Some(uri) = Uri::parse(text) else {
        return refuse("is not an absolute URL", "write it in full, such as \"https://id.example.com\"".to_owned());
    };
    let (Some(authority), Some(host)) = (uri.authority, uri.host().filter(|host| !host.is_empty())) else {
        return refuse("names no host", "write it in full, such as \"https://id.example.com\"".to_owned());
    };
    if authority.contains('@') {
        return refuse("has a user before the host", format!("write \"{}://{host}{}\"", uri.scheme, uri.path));
    }
    if let Some(mark) = text.find(['?', '#']) {
        let fix = format!("write {:?}", text.get(..mark).unwrap_or_default().trim_end_matches('/'));
        return refuse("has a query or a fragment, which an issuer never has (RFC 8414 §2)", fix);
    }
    if text.ends_with('/') {
        let fix = format!("write {:?}", text.trim_end_matches('/'));
        return refuse("ends with a slash: clients compare byte for byte, and many drop it on the way", fix);
    }
    let origin = text.strip_suffix(uri.path).unwrap_or(text);
    if origin.chars().any(|letter| letter.is_ascii_uppercase()) {
        let fix = format!("write \"{}{}\"", origin.to_ascii_lowercase(), uri.path);
        return refuse(
            "has capitals in its host or scheme: clients compare byte for byte, and browsers write small letters",
            fix,
        );
    }
    let usual_port = match uri.scheme {
        "https" => ":443",
        _ => ":80",
    };
    if let Some(bare) = origin.strip_suffix(usual_port) {
        let fix = format!("write \"{bare}{}\"", uri.path);
        return refuse("names the port that goes without saying: clients compare byte for byte, and many drop it", fix);
    }
    if uri.has_dot_segment() || uri.path.contains("//") {
        return refuse("has an empty segment or one of dots in its path", "write the path plainly".to_owned());
    }
    match (uri.scheme, mode) {
        (_, Mode::Development) if !is_loopback(host) => {
            let why = "is not on this computer, and development mode is for this computer alone (NEVER-07)";
            refuse(why, "leave out --dev, or use \"http://localhost:8420\"".to_owned())
        }
        ("https", _) | ("http", Mode::Development) => Ok(()),
        ("http", Mode::Production) if is_loopback(host) => {
            refuse("is plain http (NEVER-07)", "start with --dev, or use https".to_owned())
        }
        _ => {
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            refuse("is not https (NEVER-07)", format!("write \"https://{rest}\""))
        }
    }
}

/// NEVER-07: plain http only on loopback, or behind a named proxy.
pub(super) fn check_listener(reading: &mut Reading<'_>, mode: Mode, listen: SocketAddr, issuer: Option<&Issuer>) {
    if mode == Mode::Development && !listen.ip().to_canonical().is_loopback() {
        let why = "is reachable from outside, and development mode guards nothing (NEVER-07)";
        reading.refuse("http.listen", why, format!("write \"127.0.0.1:{}\", or leave out --dev", listen.port()));
    }
    let has_tls = reading.is_set("tls.certificate") || reading.is_set("tls.key");
    let is_https = issuer.is_some_and(|issuer| issuer.as_str().starts_with("https:"));
    if has_tls && issuer.is_some() && !is_https {
        reading.refuse(
            "tls.certificate",
            "is set, but the issuer is plain http",
            "write an https issuer, or leave out [tls]",
        );
    }
    if is_https && !has_tls && !reading.is_set("http.trusted_proxies") {
        let why = "is not set: the issuer is https, but this server speaks plain http, so something in front must end TLS (NEVER-07)";
        let fix = "name the proxy's address, such as trusted_proxies = [\"127.0.0.1\"] under [http], or set tls.certificate and tls.key";
        reading.refuse("http.trusted_proxies", why, fix);
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

const HOW_TO_SET: &str =
    "write issuer = \"https://id.example.com\" in grantd.toml, set GRANTD_ISSUER, or try it with --dev";
