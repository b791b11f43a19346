use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::post;
use grantd_demo::back_channel::BackChannel;
use oauth2::AsyncHttpClient;
use tokio::net::TcpListener;

// proves: STATE-07
#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&elsewhere);
    let app = Router::new()
        .route("/token", post(async || (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")])))
        .route(
            "/elsewhere",
            post(async move || {
                counter.fetch_add(1, Ordering::SeqCst);
                "the code was here"
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut request = oauth2::HttpRequest::new(b"code=secret".to_vec());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url.parse().unwrap();
    let answer = BackChannel::new().unwrap().call(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(elsewhere.load(Ordering::SeqCst), 0);
    server.abort();
}
