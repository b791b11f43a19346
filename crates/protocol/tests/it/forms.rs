//! The anti-forgery token: one for each browser, session, request and purpose.

use std::collections::BTreeSet;

use grantd_protocol::forms::{BrowserState, FormOrigin, Purpose};
use grantd_tokens::Secret;

fn browser(cookie: &str, session: Option<&str>, handle: Option<&str>) -> BrowserState {
    let secret = |text: &str| Secret::new(text);
    BrowserState { browser: Some(secret(cookie)), session: session.map(secret), handle: handle.map(secret) }
}

#[test]
fn no_two_forms_share_a_token_but_sign_in_forms_of_one_browser_and_request() {
    let browsers = [
        browser("a", None, None),
        browser("b", None, None),
        browser("a", Some("b"), None),
        browser("a", None, Some("b")),
        browser("a", Some("b"), Some("c")),
        browser("a", Some("c"), Some("b")),
    ];
    let mut tokens = BTreeSet::new();
    for browser in &browsers {
        for purpose in [Purpose::SignIn, Purpose::Consent, Purpose::SignOut] {
            let token = browser.form_token(purpose).unwrap();
            assert!(browser.is_genuine(purpose, Some(&token), FormOrigin::Own));
            assert!(!browser.is_genuine(purpose, Some(&token), FormOrigin::Foreign));
            assert!(!browser.is_genuine(purpose, None, FormOrigin::Own));
            // A sign-in form is about no session.
            let first = browser.session.is_none() || purpose != Purpose::SignIn;
            assert!(tokens.insert(token.expose().to_owned()) || !first);
        }
    }
    assert_eq!(tokens.len(), 16);
}

#[test]
fn a_browser_without_a_cookie_has_no_genuine_form() {
    let bare = BrowserState { browser: None, session: Some(Secret::new("s")), handle: None };
    assert!(bare.form_token(Purpose::SignIn).is_none());
    assert!(!bare.is_genuine(Purpose::SignIn, Some(&Secret::new("")), FormOrigin::Own));
    assert!(!bare.is_genuine(Purpose::SignIn, None, FormOrigin::Own));
}
