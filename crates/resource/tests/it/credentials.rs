//! How a token may come, and how it may not (RFC 6750 §2, §5.3; RFC 9110 §11).

use crate::api::{Api, reply};
use crate::issuer::Issuer;
use reqwest::Method;
use reqwest::header::COOKIE;

// proves: RS-05
#[tokio::test]
async fn the_scheme_is_compared_without_case() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "] {
        let reply = api.get_with("/boxes", &[format!("{scheme} {token}").as_bytes()]).await;
        assert_eq!(reply.status, 200, "{scheme}");
    }
}

// proves: RS-05
#[tokio::test]
async fn what_is_not_token68_is_a_bad_request() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    let values: [&[u8]; 9] = [
        b"Bearer",
        b"Bearer ",
        b"Bearer a b",
        b"Bearer a,b",
        b"Bearer \"a\"",
        b"Bearer =",
        b"Bearer a=b",
        b"Bearer \xff\xfe",
        b"Bearer a\tb",
    ];
    for value in values {
        let reply = api.get_with("/boxes", &[value]).await;
        assert_eq!((reply.status, &reply.body["error"]), (400, &"invalid_request".into()), "{value:?}");
    }
    // Token68, but no JWT: the near twin breaks another rule.
    for value in ["Bearer a==", "Bearer A-Z.a~z+0/9_", &format!("Bearer {token}=")] {
        let reply = api.get_with("/boxes", &[value.as_bytes()]).await;
        assert_eq!((reply.status, &reply.body["error"]), (401, &"invalid_token".into()), "{value}");
    }
    assert_eq!(api.handled(), 0);
}

// proves: RS-02, RS-05
#[tokio::test]
async fn two_authorization_headers_are_a_bad_request() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let bearer = format!("Bearer {}", issuer.token());
    for second in [bearer.as_bytes(), b"Basic YTpi"] {
        for pair in [[bearer.as_bytes(), second], [second, bearer.as_bytes()]] {
            let reply = api.get_with("/boxes", &pair).await;
            assert_eq!((reply.status, &reply.body["error"]), (400, &"invalid_request".into()));
        }
    }
    assert_eq!(api.handled(), 0);
}

#[tokio::test]
async fn another_scheme_counts_as_no_token() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    for scheme in ["Basic", "DPoP", "Bearerx", "Bear", "Token"] {
        let reply = api.get_with("/boxes", &[format!("{scheme} {}", issuer.token()).as_bytes()]).await;
        assert_eq!(reply.status, 401, "{scheme}");
        assert!(!reply.challenge.unwrap().contains("error"), "{scheme}");
    }
}

// proves: NEVER-05, RS-02
#[tokio::test]
async fn a_token_in_the_query_or_in_a_cookie_counts_as_none() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    let in_query = format!("/boxes?access_token={token}");
    let query = reply(api.request(Method::GET, &in_query)).await;
    let cookies = format!("access_token={token}; Authorization=Bearer {token}");
    let cookie = reply(api.request(Method::GET, "/boxes").header(COOKIE, cookies)).await;
    for refused in [query, cookie] {
        assert_eq!(refused.status, 401);
        assert!(!refused.challenge.unwrap().contains("error"));
    }
    let twice = api.get(&in_query, &token).await;
    assert_eq!((twice.status, &twice.body["error"]), (400, &"invalid_request".into()));
    assert_eq!(api.handled(), 0);
    assert_eq!(api.get("/boxes?other=access_token", &token).await.status, 200);
}
