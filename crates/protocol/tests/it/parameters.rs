//! Form encoding, read strictly.

use grantd_protocol::names::Network;
use grantd_protocol::parameters::{Parameters, ParametersFault, decode, encode};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::TokenRequest;

fn parse(text: &str) -> Result<Parameters, ParametersFault> {
    Parameters::parse(text.as_bytes(), 100)
}

fn token_request(query: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
    TokenRequest::parse(query.map(str::as_bytes), None, body, Network::new("")).map(|_| ())
}

const GOOD: &[u8] = b"grant_type=refresh_token&refresh_token=t&client_id=c";

#[test]
fn plus_is_a_space_and_percent_a_byte() {
    assert_eq!(parse("a=x+y%2Bz%C3%BC&&b=1=2").unwrap().get("a"), Some("x y+zü"));
    assert_eq!(parse("a=x&&b=1=2").unwrap().get("b"), Some("1=2"));
    assert_eq!(parse("%61=x").unwrap().get("a"), Some("x"));
}

#[test]
fn what_is_repeated_is_seen_even_under_another_spelling() {
    assert_eq!(parse("scope=a&%73cope=b").unwrap().first_repeated(&[]), Some("scope"));
    assert_eq!(parse("scope=a&scope=").unwrap().first_repeated(&[]), None);
    assert_eq!(parse("resource=a&resource=b").unwrap().first_repeated(&["resource"]), None);
}

#[test]
fn bad_encoding_is_refused_and_never_guessed_at() {
    for text in ["a=%", "a=%f", "a=%zz", "a=%c3", "%=a", "a=%+1"] {
        assert_eq!(parse(text).unwrap_err(), ParametersFault::NotFormEncoding, "{text}");
    }
    assert_eq!(Parameters::parse(b"a=\xff", 100).unwrap_err(), ParametersFault::NotFormEncoding);
    assert_eq!(parse(&format!("a={}", "x".repeat(99))).unwrap_err(), ParametersFault::TooLong);
}

// proves: TOKEN-10
#[test]
fn a_token_request_has_at_most_a_hundred_parameters_and_is_well_encoded() {
    let with = |count: usize| {
        let more = (3..count).map(|number| format!("&p{number}=x")).collect::<Vec<_>>().concat();
        [GOOD, more.as_bytes()].concat()
    };
    assert_eq!(token_request(None, &with(100)), Ok(()));
    assert_eq!(token_request(None, &with(101)), Err(Refusal::TokenMalformed));
    assert_eq!(token_request(None, &[GOOD, b"&x=%"].concat()), Err(Refusal::TokenMalformed));
    assert_eq!(token_request(None, &[GOOD, b"&x=\xff"].concat()), Err(Refusal::TokenMalformed));
}

// proves: TOKEN-03
#[test]
fn a_token_request_in_the_url_is_refused_and_anything_else_there_is_ignored() {
    assert_eq!(token_request(Some(""), GOOD), Ok(()));
    assert_eq!(token_request(Some("utm=1"), GOOD), Ok(()));
    for name in ["grant_type", "client_id", "client_secret", "code", "refresh_token", "client_assertion", "password"] {
        assert_eq!(token_request(Some(&format!("{name}=x")), GOOD), Err(Refusal::TokenInQuery), "{name}");
    }
    assert_eq!(token_request(Some("%63ode=x"), GOOD), Err(Refusal::TokenInQuery));
    let split = b"refresh_token=t&client_id=c";
    assert_eq!(token_request(Some("utm=1&grant_type=refresh_token"), split), Err(Refusal::TokenInQuery));
}

// proves: TOKEN-04
#[test]
fn a_repeated_parameter_is_an_error_known_or_not() {
    for name in ["grant_type", "refresh_token", "client_id", "scope", "unheard_of"] {
        let twice = [GOOD, format!("&{name}=x&{name}=x").as_bytes()].concat();
        assert_eq!(token_request(None, &twice), Err(Refusal::TokenParameterRepeated), "{name}");
    }
}

// proves: TOKEN-06
#[test]
fn a_grant_type_is_there_and_known() {
    assert_eq!(token_request(None, b"client_id=c"), Err(Refusal::GrantTypeMissing));
    assert_eq!(token_request(None, b"grant_type=magic&client_id=c"), Err(Refusal::GrantTypeUnsupported));
    assert_eq!(token_request(None, b"grant_type=Refresh_Token&client_id=c"), Err(Refusal::GrantTypeUnsupported));
    let codes = [Refusal::GrantTypeMissing, Refusal::GrantTypeUnsupported, Refusal::GrantTypeUnregistered];
    let codes = codes.map(|refusal| refusal.code().as_str());
    assert_eq!(codes, ["invalid_request", "unsupported_grant_type", "unauthorized_client"]);
    let mut world = crate::world::World::new();
    let service = crate::forms_of_the_wire::Form::new(&[("grant_type", "refresh_token"), ("refresh_token", "t")]);
    let call = world.call_of(crate::town::SERVICE, service);
    assert_eq!(crate::world::refusal(world.token(&call)), Refusal::GrantTypeUnregistered);
}

#[test]
fn encoding_leaves_only_unreserved_characters_and_decodes_to_the_same() {
    let all: String = (0..=0x2FF).filter_map(char::from_u32).collect();
    let encoded = encode(&all);
    assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
    assert_eq!(decode(encoded.as_bytes()).unwrap(), all);
}

#[test]
fn no_value_is_printed() {
    let parameters = parse("code=very-secret&client_id=c").unwrap();
    assert_eq!(format!("{parameters:?}"), r#"["code", "client_id"]"#);
}
