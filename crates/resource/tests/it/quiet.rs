//! The token is nowhere but in the request: not in what is logged, printed or answered.

use crate::api::{Api, builder};
use crate::issuer::{Issuer, NOW, Page};
use grantd_resource::{Introspection, SteppedClock};
use grantd_tokens::{Algorithm, PrivateKey};
use serde_json::json;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// For all threads: `tracing` lets a call site fall silent for ever if a thread without subscriber comes by first. Other
/// tests write here too, which does no harm.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

fn logged() -> String {
    String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap()
}

// proves: RS-15, LOG-01
#[tokio::test]
async fn no_part_of_a_token_is_logged_printed_or_answered() {
    LazyLock::force(&LOG);
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let tokens = [
        issuer.token(),
        "canary-opaque-token".to_owned(),
        issuer.token_by(&PrivateKey::generate(Algorithm::Es256).unwrap()),
        issuer.token_with(|claims| drop(claims.insert("exp".into(), json!(NOW)))),
        issuer.token_with(|claims| drop(claims.insert("aud".into(), json!("https://other.example")))),
        issuer.token_with(|claims| drop(claims.insert("scope".into(), json!("")))),
    ];
    let mut seen = Vec::new();
    for token in &tokens {
        seen.push(format!("{:?}", api.get("/boxes", token).await));
        seen.push(format!("{:?}", api.get_with("/boxes", &[format!("Bearer {token} {token}").as_bytes()]).await));
        seen.push(format!("{:?}", api.get(&format!("/boxes?access_token={token}"), token).await));
        match api.guard.verify(token).await {
            Ok(access) => seen.push(format!("{access:?} {:?}", access.forbid("no"))),
            Err(refusal) => seen.push(format!("{refusal:?} {refusal}")),
        }
    }
    seen.push(format!("{:?}", api.guard));
    let secret = "canary-client-secret";
    let asking = builder(&issuer, &api.clock).introspect(Introspection::new("boxes-api", secret));
    seen.push(format!("{asking:?}"));
    let asking = asking.build().unwrap();
    for page in [Page { status: 401, ..Page::default() }, Page::json(&json!({"active": false}))] {
        issuer.put("/introspect", page);
        for token in &tokens {
            let refusal = asking.verify(token).await.unwrap_err();
            seen.push(format!("{refusal:?} {refusal} {asking:?}"));
        }
    }
    seen.push(logged());
    let seen = seen.join("\n");
    assert!(seen.contains("request refused"), "the log was captured");
    let credentials = issuer.last("/introspect").headers["authorization"].to_str().unwrap().to_owned();
    for secret in [secret, credentials.trim_start_matches("Basic ")] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    for token in &tokens {
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!seen.contains(part), "{part} in {seen}");
        }
    }
}

#[tokio::test]
async fn trouble_is_logged_when_it_begins_and_when_it_is_over() {
    LazyLock::force(&LOG);
    let issuer = Issuer::start().await;
    let guard =
        builder(&issuer, &SteppedClock::at(NOW)).introspect(Introspection::new("boxes-api", "x")).build().unwrap();
    let inactive = Page::json(&json!({"active": false}));
    for (page, status) in [(Page { status: 500, ..Page::default() }, 503), (inactive, 401)] {
        issuer.put("/introspect", page);
        for _ in 0..3 {
            assert_eq!(guard.verify("opaque").await.unwrap_err().status(), status);
        }
    }
    let of_this_issuer = format!("issuer=\"{}\" question=\"introspection\"", issuer.identifier());
    let log = logged();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&of_this_issuer)).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("the answer was 500"), "{}", lines[0]);
    assert!(lines[1].contains("INFO") && lines[1].contains("answers again"), "{}", lines[1]);
}
