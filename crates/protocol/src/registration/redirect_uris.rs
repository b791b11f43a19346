//! Redirect URIs as registered: each judged, with advice that fits it (REDIR, NATIVE-02).

use super::Faults;
use crate::names::RedirectUri;
use crate::records::ClientKind;
use crate::redirect_uri::{self, LoopbackHttp, RedirectUriFault};
use crate::uri::Uri;

/// Judges each, drops repeats, and notes where there is a better form.
pub(super) fn check(
    sent: &[String],
    kind: ClientKind,
    loopback_http: LoopbackHttp,
    faults: &mut Faults,
) -> (Vec<RedirectUri>, Vec<String>) {
    let (mut uris, mut notes) = (Vec::new(), Vec::new());
    if sent.len() > MAX_REDIRECT_URIS {
        let problem = format!("there are {}", sent.len());
        faults.add("redirect_uris", "REDIR-01", problem, format!("register at most {MAX_REDIRECT_URIS}"));
    }
    for (position, text) in sent.iter().enumerate() {
        let field = format!("redirect_uris[{position}]");
        if text.len() > MAX_REDIRECT_URI_BYTES {
            let problem = format!("has {} bytes", text.len());
            faults.add(field, "REDIR-05", problem, format!("shorten it to {MAX_REDIRECT_URI_BYTES}"));
            continue;
        }
        match redirect_uri::judge(text, kind, loopback_http) {
            Ok(uri) if uris.contains(&uri) => notes.push(format!("{field}: {text} stands there twice")),
            Ok(uri) => {
                if Uri::parse(text).and_then(|parts| parts.host()) == Some("localhost") {
                    notes.push(format!("{field}: {BETTER_THAN_LOCALHOST}"));
                }
                uris.push(uri);
            }
            Err(fault) => faults.add(field, rule(fault), format!("{text:?} {fault}"), advice(text, kind, fault)),
        }
    }
    (uris, notes)
}

fn rule(fault: RedirectUriFault) -> &'static str {
    match fault {
        RedirectUriFault::Wildcard => "NEVER-04",
        RedirectUriFault::NotAUri
        | RedirectUriFault::Fragment
        | RedirectUriFault::UserInfo
        | RedirectUriFault::DotSegment => "REDIR-05",
        RedirectUriFault::ReservedParameter => "REDIR-12",
        RedirectUriFault::NotHttps => "REDIR-06",
        RedirectUriFault::NotLoopback => "REDIR-04",
        RedirectUriFault::SchemeWithoutDot => "REDIR-07",
        RedirectUriFault::PrivateScheme => "NATIVE-02",
    }
}

/// What to register instead, in the sender's own words where that can be known.
fn advice(text: &str, kind: ClientKind, fault: RedirectUriFault) -> String {
    let uri = Uri::parse(text);
    let scheme = uri.map(|uri| uri.scheme.to_ascii_lowercase()).unwrap_or_default();
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    match fault {
        RedirectUriFault::NotAUri => "write it in full, such as https://app.example/callback".to_owned(),
        RedirectUriFault::Wildcard => "list every address in full".to_owned(),
        RedirectUriFault::Fragment => format!("register {:?}", text.split('#').next().unwrap_or_default()),
        RedirectUriFault::UserInfo => "leave out everything between // and @".to_owned(),
        RedirectUriFault::DotSegment => "leave out . and .. by writing the path they lead to".to_owned(),
        RedirectUriFault::ReservedParameter => "rename the parameter in your application".to_owned(),
        RedirectUriFault::NotHttps | RedirectUriFault::NotLoopback if scheme == "http" => {
            match uri.and_then(|u| u.host()) {
                Some("127.0.0.1" | "[::1]" | "localhost") => {
                    "register it for a client of kind native, use https, or develop with --dev".to_owned()
                }
                _ if kind == ClientKind::Native => {
                    format!(
                        "register \"https:{after_scheme}\", or http://127.0.0.1/callback for a program on this computer"
                    )
                }
                _ => format!("register \"https:{after_scheme}\""),
            }
        }
        RedirectUriFault::NotHttps | RedirectUriFault::NotLoopback => {
            "use an https address of your application".to_owned()
        }
        RedirectUriFault::SchemeWithoutDot => {
            format!("use the reversed name of a domain that is yours, such as com.example.{scheme}:/callback")
        }
        RedirectUriFault::PrivateScheme => "register the client with kind native, or use an https address".to_owned(),
    }
}

/// RFC 8252 §8.3.
const BETTER_THAN_LOCALHOST: &str = "http://127.0.0.1 is the better form than localhost: there any port matches, and no name \
     resolution can send the answer elsewhere";
const MAX_REDIRECT_URIS: usize = 32;
const MAX_REDIRECT_URI_BYTES: usize = 2048;
