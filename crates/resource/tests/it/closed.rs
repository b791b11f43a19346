//! Whatever happens, nothing opens by itself.

use crate::api::{Api, builder, reply};
use crate::issuer::{Issuer, NOW};
use axum::Router;
use axum::routing::get;
use grantd_resource::{Access, SteppedClock, require_scope};
use reqwest::{Client, Method, StatusCode};
use tokio::net::TcpListener;

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}

async fn status(url: String) -> StatusCode {
    Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap().status()
}

// proves: RS-17
#[tokio::test]
async fn routes_and_methods_that_do_not_exist_are_closed_too() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/boxes/"),
        (Method::GET, "//boxes"),
        (Method::GET, "/%62oxes"),
        (Method::GET, "/.well-known/oauth-protected-resource"),
        (Method::GET, "/.well-known/oauth-protected-resource/boxes/../../../boxes"),
        (Method::DELETE, "/boxes"),
        (Method::HEAD, "/boxes"),
        (Method::OPTIONS, "/boxes"),
    ] {
        assert_eq!(reply(api.request(method.clone(), path)).await.status, 401, "{method} {path}");
    }
    assert_eq!(api.handled(), 0);
    assert_eq!(api.get("/nowhere", &issuer.token()).await.status, 404);
    assert_eq!(reply(api.request(Method::DELETE, "/boxes").bearer_auth(issuer.token())).await.status, 405);
}

// proves: RS-17
#[tokio::test]
async fn however_the_router_is_put_together_nothing_runs_without_a_token() {
    let issuer = Issuer::start().await;
    let guard = builder(&issuer, &SteppedClock::at(NOW)).build().unwrap();
    let routes = || Router::new().route("/boxes", get(async || "open"));
    let custom = || routes().fallback(async || "open").method_not_allowed_fallback(async || "open");
    let document = "/.well-known/oauth-protected-resource/boxes";
    for app in [
        guard.protect(routes()),
        guard.protect(custom()),
        guard.metadata_routes().merge(custom().layer(guard.layer())),
        custom().layer(guard.layer()).merge(guard.metadata_routes()),
        Router::new().nest("/v1", custom()).layer(guard.layer()),
        Router::new().nest("/v1", guard.protect(custom())),
    ] {
        let origin = serve(app).await;
        for path in ["/boxes", "/nowhere", "/v1/boxes", "/v1/nowhere", "/v1", "/"] {
            let refused = status(format!("{origin}{path}")).await;
            assert!(refused == 401 || refused == 404, "{path} {refused}");
        }
        assert!(!status(format!("{origin}/boxes{document}")).await.is_success());
    }
    assert_eq!(status(format!("{}{document}", serve(guard.protect(routes())).await)).await, 200);
}

// proves: RS-17
#[tokio::test]
async fn a_handler_that_asks_for_access_does_not_run_without_the_layer() {
    let app = Router::new()
        .route("/forgotten", get(async |_: Access| "open"))
        .route("/scope", get(async || "open").layer(require_scope("boxes:read")));
    let origin = serve(app).await;
    assert_eq!(status(format!("{origin}/forgotten")).await, 500);
    assert_eq!(status(format!("{origin}/scope")).await, 500);
}

// proves: RS-17
#[tokio::test]
async fn a_preflight_request_is_refused_unless_the_application_answers_it_outside() {
    let issuer = Issuer::start().await;
    let guard = builder(&issuer, &SteppedClock::at(NOW)).build().unwrap();
    let inside = Router::new().route("/boxes", get(async || "boxes").options(async || "inside")).layer(guard.layer());
    let outside = async |request: axum::extract::Request, next: axum::middleware::Next| {
        if request.method() == Method::OPTIONS {
            return axum::response::IntoResponse::into_response("outside");
        }
        next.run(request).await
    };
    let client = Client::builder().no_proxy().build().unwrap();
    let preflight = async |origin: String| {
        let request = client.request(Method::OPTIONS, format!("{origin}/boxes"));
        let request = request.header("origin", "https://spa.example").header("access-control-request-method", "GET");
        reply(request).await
    };
    assert_eq!(preflight(serve(inside.clone()).await).await.status, 401);
    let answered = preflight(serve(inside.layer(axum::middleware::from_fn(outside))).await).await;
    assert_eq!((answered.status, answered.body), (200, "outside".into()));
}

// proves: RS-16
#[tokio::test]
async fn headers_about_hosts_and_paths_change_nothing() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let plain = reply(api.request(Method::GET, "/boxes")).await;
    let misled = api
        .request(Method::GET, "/boxes")
        .header("host", "attacker.example")
        .header("forwarded", "host=attacker.example;proto=http")
        .header("x-forwarded-host", "attacker.example")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-uri", "/.well-known/oauth-protected-resource/boxes")
        .header("x-original-url", "/.well-known/oauth-protected-resource/boxes")
        .header("x-rewrite-url", "/.well-known/oauth-protected-resource/boxes");
    assert_eq!(reply(misled).await, plain);
}

// proves: RS-15
#[tokio::test]
async fn a_handler_does_not_see_the_token() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let request = api.request(Method::GET, "/headers").bearer_auth(issuer.token()).header("x-other", "1");
    let seen: Vec<String> = serde_json::from_value(reply(request).await.body).unwrap();
    assert!(seen.contains(&"x-other".to_owned()) && !seen.contains(&"authorization".to_owned()), "{seen:?}");
}

// proves: INV-07, RS-17
#[tokio::test]
async fn without_keys_nothing_is_let_through() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", crate::issuer::Page { status: 500, ..Default::default() });
    let api = Api::start(&issuer).await;
    let refused = api.get("/boxes", &issuer.token()).await;
    assert_eq!((refused.status, refused.challenge), (503, None));
    assert_eq!(refused.body["error"], "temporarily_unavailable");
    assert_eq!(api.handled(), 0);
}

// proves: RS-17
#[tokio::test]
async fn of_two_guards_each_has_its_say() {
    let issuer = Issuer::start().await;
    let other = Issuer::start().await;
    let clock = SteppedClock::at(NOW);
    let (inner, outer) = (builder(&issuer, &clock).build().unwrap(), builder(&other, &clock).build().unwrap());
    let app = Router::new().route("/", get(async |_: Access| "open")).layer(inner.layer()).layer(outer.layer());
    let origin = serve(app).await;
    let client = Client::builder().no_proxy().build().unwrap();
    for token in [issuer.token(), other.token()] {
        assert_eq!(client.get(&origin).bearer_auth(token).send().await.unwrap().status(), 401);
    }
}
