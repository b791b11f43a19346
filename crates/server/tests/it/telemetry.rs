use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use grantd::telemetry::{LogFormat, LogLines, RequestId, RequestIds, logged, our_own_details};
use tower::ServiceExt;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// What was logged on this thread since.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn begin(format: LogFormat) -> (Self, DefaultGuard) {
        let log = Self::default();
        let written = log.clone();
        let lines = LogLines::new(format, move || written.clone()).with_filter(our_own_details());
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
        be_two();
        tracing::callsite::rebuild_interest_cache();
        (log, guard)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// With one subscriber alone, `tracing` asks only the thread that meets a call site first whether anybody listens, and remembers
/// its answer for all; a test on another thread would answer no. With two it asks both.
fn be_two() {
    static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
    ANOTHER.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const HOSTILE: &str = "a\r\n2026 INFO forged\u{1b}[2J\u{202e}gnp.exe\u{2028}\u{9b}\u{0}end\" x=\"y";

// proves: LOG-03
#[test]
fn a_hostile_value_stays_one_line_of_harmless_text() {
    for format in [LogFormat::Human, LogFormat::Json] {
        let (log, _guard) = Log::begin(format);
        tracing::info!(value = HOSTILE, debug = ?HOSTILE, "{HOSTILE}");
        tracing::info_span!("span", outer = HOSTILE).in_scope(|| tracing::warn!("inside"));
        let text = log.text();
        assert_eq!(text.matches('\n').count(), 2, "{text}");
        assert!(text.ends_with('\n'));
        let hostile = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c));
        assert_eq!(text.chars().find(|c| hostile(*c)), None, "{text:?}");
        assert!(text.contains("outer"), "{text}");
    }
}

#[test]
fn a_json_line_gives_each_value_back_unchanged() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    tracing::info!(value = HOSTILE, level = "forged", count = 3, yes = true, "hello");
    let line: serde_json::Value = serde_json::from_str(&log.text()).unwrap();
    assert_eq!(line["value"], HOSTILE);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "hello");
    assert_eq!(line["count"], 3);
    assert_eq!(line["yes"], true);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_value_cannot_pretend_to_be_another_field() {
    let (log, _guard) = Log::begin(LogFormat::Human);
    tracing::info!(user = "eve admin=true", plain = "eve", "hello");
    assert!(log.text().contains(" hello user=\"eve admin=true\" plain=eve ("), "{}", log.text());
}

#[test]
fn libraries_log_no_details_whatever_the_directives() {
    let (log, _guard) = Log::begin(LogFormat::Human);
    tracing::debug!(target: "hyper::proto", "Authorization: Basic c2VjcmV0");
    tracing::trace!(target: "reqwest", "https://example/?code=secret");
    assert_eq!(log.text(), "");
    tracing::debug!(target: "grantd::ours", "ours");
    tracing::info!(target: "hyper", "important");
    assert_eq!(log.text().matches('\n').count(), 2);
}

async fn visit(path: &str) -> (String, http::Response<Body>) {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let app = Router::new()
        .route("/authorize/{id}", get(|Extension(id): Extension<RequestId>| async move { id.to_string() }))
        .layer(from_fn(async |request: Request, next: Next| {
            let ids = RequestIds::new(|bytes| bytes.fill(7));
            logged(&ids, request, |request| next.run(request)).await
        }));
    let response = app.oneshot(http::Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    (log.text(), response)
}

// proves: SESS-23
#[tokio::test]
async fn the_access_log_shows_the_route_and_never_path_or_query() {
    let (log, response) = visit("/authorize/canary-path?code=canary-code&state=canary-state").await;
    assert_eq!(response.status(), 200);
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/authorize/{id}");
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].is_u64());
    assert!(!log.contains("canary"), "{log}");
    let (log, _) = visit("/canary-path?canary").await;
    assert!(log.contains("(no route)") && !log.contains("canary"), "{log}");
}

#[tokio::test]
async fn one_request_id_is_in_the_answer_the_page_and_the_log() {
    let (log, response) = visit("/authorize/1").await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(line["request_id"], id.as_str());
    assert_eq!(body, id.as_bytes());
}
