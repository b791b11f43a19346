//! Identifiers and their syntax.

use grantd_protocol::names::{AccessTokenId, GrantId, Scope, Scopes, Username, opaque_password};
use grantd_tokens::access_token;

#[test]
fn a_scope_token_is_of_the_characters_that_rfc_6749_allows() {
    for good in ["a", "boxes:list", "https://boxes.example/read", "!", "~"] {
        assert!(Scope::parse(good).is_some(), "{good}");
    }
    for bad in ["", " ", "a b", "\"", "\\", "ü", "a\u{7f}", "a\n"] {
        assert!(Scope::parse(bad).is_none(), "{bad:?}");
    }
    assert!(Scopes::parse("").is_none());
    assert!(Scope::things().is_reserved() && !Scope::offline_access().is_reserved());
}

// proves: LOGIN-05
#[test]
fn a_username_is_one_name_however_it_is_typed() {
    let stored = |typed: &str| Username::parse(typed).map(|name| name.as_str().to_owned());
    assert_eq!(stored("Alice"), Some("alice".to_owned()));
    assert_eq!(stored("\u{ff21}lice"), stored("alice"), "full width");
    assert_eq!(stored("zo\u{eb}"), stored("zoe\u{308}"), "composed and decomposed");
    assert_eq!(stored("I"), Some("i".to_owned()), "in every locale");
    for bad in ["", " ", "a b", "a\u{0}", "\u{202e}a", &"a".repeat(257)] {
        assert_eq!(stored(bad), None, "{bad:?}");
    }
    assert!(Username::parse("p\u{430}ypal").unwrap().mixes_scripts());
    assert!(!Username::parse("paypal").unwrap().mixes_scripts());
}

// proves: LOGIN-06
#[test]
fn a_password_is_composed_and_otherwise_left_as_it_was_typed() {
    assert_eq!(opaque_password("zoe\u{308} \u{ff21}B").as_deref(), Some("zo\u{eb} \u{ff21}B"));
    assert_eq!(opaque_password(""), None);
}

#[test]
fn the_server_and_its_resource_servers_read_the_same_grant_off_the_name_of_a_token() {
    for (jti, grant) in [("grant.own", Some("grant")), ("own", None), ("a.b.c", None), ("grant.", None), (".own", None)]
    {
        assert_eq!(AccessTokenId::new(jti).grant(), grant.map(GrantId::new), "{jti}");
        assert_eq!(access_token::grant_of(jti), grant, "{jti}");
    }
}
