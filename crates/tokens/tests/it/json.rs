//! Strict JSON.

use grantd_tokens::json::{self, JsonFault, Limits};
use serde_json::json;

const SMALL: Limits = Limits { max_bytes: 64, max_depth: 3 };

#[test]
fn values_of_every_kind_are_read() {
    let text = r#"{"a":[null,true,-1,18446744073709551615,1.5,"x\u00e9"],"b":{}}"#;
    let value = json::parse_value(text.as_bytes(), SMALL).unwrap();
    assert_eq!(value, json!({"a": [null, true, -1, u64::MAX, 1.5, "xé"], "b": {}}));
}

// proves: KEYS-07
#[test]
fn a_member_name_occurs_once_in_its_object() {
    for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":2}}]"#, r#"{"":0,"":0}"#, r#"{"a":1,"\u0061":1}"#] {
        assert_eq!(json::parse_value(text.as_bytes(), SMALL), Err(JsonFault::DuplicateMember), "{text}");
    }
    assert!(json::parse_value(br#"[{"a":1},{"a":1}]"#, SMALL).is_ok());
}

// proves: KEYS-07
#[test]
fn depth_and_length_are_limited() {
    assert!(json::parse_value(b"[[[1]]]", SMALL).is_ok());
    assert_eq!(json::parse_value(b"[[[[1]]]]", SMALL), Err(JsonFault::TooDeep(3)));
    assert_eq!(json::parse_value(br#"{"a":{"a":{"a":{}}}}"#, SMALL), Err(JsonFault::TooDeep(3)));
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert!(json::parse_value(text(64).as_bytes(), SMALL).is_ok());
    assert_eq!(json::parse_value(text(65).as_bytes(), SMALL), Err(JsonFault::TooLong(64)));
    // Deeper than the stack would bear, were the limit not there.
    let bottomless = Limits { max_bytes: 1 << 20, max_depth: usize::MAX };
    assert!(json::parse_value("[".repeat(1 << 20).as_bytes(), bottomless).is_err());
}

#[test]
fn what_is_not_exactly_one_json_text_is_refused() {
    for text in ["", "{", "{}x", "{} {}", "nul", "[1,]", "{'a':1}", "01", "1e999", "NaN", "\u{feff}{}", "// {}"] {
        assert!(matches!(json::parse_value(text.as_bytes(), SMALL), Err(JsonFault::Syntax { .. })), "{text}");
    }
    assert_eq!(json::parse_value(b"\"\xc3\x28\"", SMALL), Err(JsonFault::NotUtf8));
    assert_eq!(json::parse_object(b"[]", SMALL), Err(JsonFault::NotAnObject));
    assert!(json::parse_object(b" {} \n", SMALL).is_ok());
}
