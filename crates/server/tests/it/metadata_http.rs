//! What the server says of itself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{Answer, Rig, Setup};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

async fn document(rig: &Rig, path: &str) -> Value {
    let answer = rig.browser().get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.json()
}

// proves: META-01, META-02, META-05, META-06, META-08, PKCE-07, RAR-07
#[tokio::test]
async fn the_metadata_says_what_this_server_does() {
    let rig = Rig::behind_a_proxy().await;
    let expected = json!({
        "issuer": "https://id.example",
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/jwks",
        "scopes_supported": ["boxes:list", "letters:read", "mail:send", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint": "https://id.example/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint": "https://id.example/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "introspection_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "authorization_details_types_supported": ["lockbox"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "revocation_feed_endpoint": "https://id.example/revocations",
    });
    assert_eq!(document(&rig, WELL_KNOWN).await, expected);
}

// proves: META-01, META-02
#[tokio::test]
async fn an_issuer_with_a_path_has_it_behind_the_well_known_part() {
    let rig = Setup::behind_a_proxy().at("/t/acme").start().await;
    let metadata = document(&rig, &format!("{WELL_KNOWN}/t/acme")).await;
    assert_eq!(metadata["issuer"], "https://id.example/t/acme");
    assert_eq!(metadata["token_endpoint"], "https://id.example/t/acme/token");
    for path in [WELL_KNOWN, "/t/acme/.well-known/oauth-authorization-server", "/jwks"] {
        assert_eq!(rig.browser().get(path).await.status, 404, "{path}");
    }
    let jwks = metadata["jwks_uri"].as_str().unwrap().strip_prefix("https://id.example").unwrap();
    assert_eq!(document(&rig, jwks).await["keys"].as_array().unwrap().len(), 1);
}

// proves: META-03
#[tokio::test]
async fn each_endpoint_named_is_there_and_takes_what_is_named() {
    let rig = Rig::behind_a_proxy().await;
    let metadata = document(&rig, WELL_KNOWN).await;
    let at = |name: &str| metadata[name].as_str().unwrap().strip_prefix("https://id.example").unwrap().to_owned();
    let mut browser = rig.browser();
    assert_eq!(browser.get(&at("authorization_endpoint")).await.status, 400);
    for grant_type in metadata["grant_types_supported"].as_array().unwrap() {
        let grant_type = grant_type.as_str().unwrap();
        let answer = browser.post(&at("token_endpoint"), &[("grant_type", grant_type), ("client_id", "web")]).await;
        assert_ne!(answer.error(), "unsupported_grant_type", "{grant_type}");
    }
}

// proves: META-04, LOGIN-12
#[tokio::test]
async fn no_header_changes_what_the_server_says_it_is() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let forwarded = |request: reqwest::RequestBuilder| {
        request
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-prefix", "/evil")
            .header("forwarded", "host=evil.example;proto=http")
            .header("x-original-host", "evil.example")
    };
    let expected = document(&rig, WELL_KNOWN).await;
    let answer = browser.send(forwarded(browser.clone().request(Method::GET, WELL_KNOWN))).await;
    assert_eq!(answer.json(), expected);
    let request = browser.request(Method::GET, "/login");
    let page = browser.send(forwarded(request)).await;
    assert!(page.body.contains("id.example") && !page.body.contains("evil"), "{page:?}");
    let request = browser.request(Method::GET, &format!("/authorize?{}", crate::rig::Asking::of_web().encoded()));
    let redirect = browser.send(forwarded(request)).await;
    assert!(redirect.location().unwrap().starts_with("/login?request="), "{redirect:?}");

    let other = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer =
        other.get(format!("http://{}{WELL_KNOWN}", rig.address())).header("host", "evil.example").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 421);
    assert!(!answer.text().await.unwrap().contains("evil"));
}

// proves: META-07
#[tokio::test]
async fn the_key_set_holds_public_members_alone_and_is_worth_caching() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let answer = browser.get("/jwks").await;
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1);
    let mut members: Vec<&String> = keys[0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!((keys[0]["alg"].as_str(), keys[0]["use"].as_str()), (Some("ES256"), Some("sig")));

    let etag = answer.header("etag").unwrap().to_owned();
    let asked = async |known: &str| -> Answer {
        let mut browser = rig.browser();
        let request = browser.request(Method::GET, "/jwks").header("if-none-match", known);
        browser.send(request).await
    };
    for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let unchanged = asked(&known).await;
        assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""), "{known}");
        assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
        assert_eq!(unchanged.header("cache-control"), Some("public, max-age=300"));
    }
    assert_eq!(asked("\"other\"").await.status, 200);
}

#[tokio::test]
async fn health_is_told_to_everybody_and_says_nothing_else() {
    let rig = Rig::behind_a_proxy().await;
    for path in ["/livez", "/readyz", "/healthz"] {
        let answer = rig.browser().get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
    }
}
