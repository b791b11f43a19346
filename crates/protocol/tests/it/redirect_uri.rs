//! Where an answer may go, as a request names it.

use grantd_protocol::names::RedirectUri;
use grantd_protocol::refusals::Refusal;

use crate::forms_of_the_wire::{Browser, parameter_of};
use crate::town::{NATIVE, WEB, WEB_POST, WEB_POST_CALLBACK};
use crate::world::{World, refusal};

/// Whether a client with this one registered redirect URI is answered at `sent`.
fn answers(registered: &str, sent: &str) -> bool {
    let mut world = World::new();
    world.edit_client(NATIVE, |client| client.redirect_uris = vec![RedirectUri::new(registered)]);
    let form = world.request_of(NATIVE).with("redirect_uri", sent);
    match world.authorize(&mut Browser::new(), &form) {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!((refused.refusal, refused.redirect), (Refusal::RedirectUriUnregistered, None));
            false
        }
    }
}

// proves: REDIR-01, REDIR-08
#[test]
fn a_redirect_uri_is_compared_byte_for_byte() {
    let registered = "https://app.example/cb?tenant=7&x=%2F";
    assert!(answers(registered, registered));
    for sent in [
        "https://app.example/cb?tenant=7&x=%2f",
        "https://app.example/cb?tenant=7&x=/",
        "https://app.example/cb?x=%2F&tenant=7",
        "https://app.example/cb?tenant=7&x=%2F&more=1",
        "https://app.example/cb?tenant=7",
        "https://app.example/cb",
        "https://app.example/cb/?tenant=7&x=%2F",
        "https://APP.example/cb?tenant=7&x=%2F",
        "HTTPS://app.example/cb?tenant=7&x=%2F",
        "https://app.example:443/cb?tenant=7&x=%2F",
        "https://app.example./cb?tenant=7&x=%2F",
        "https://app.example/a/../cb?tenant=7&x=%2F",
        "https://app.example@evil.example/cb?tenant=7&x=%2F",
        "https://app.example/cb?tenant=7&x=%2F#f",
        " https://app.example/cb?tenant=7&x=%2F",
        "http://app.example/cb?tenant=7&x=%2F",
    ] {
        assert!(!answers(registered, sent), "{sent}");
    }
}

// proves: REDIR-02, NATIVE-02
#[test]
fn a_loopback_literal_takes_any_port_and_nothing_else() {
    for registered in ["http://127.0.0.1/cb?a=b", "http://127.0.0.1:8080/cb?a=b"] {
        for sent in ["http://127.0.0.1/cb?a=b", "http://127.0.0.1:1/cb?a=b", "http://127.0.0.1:65535/cb?a=b"] {
            assert!(answers(registered, sent), "{sent}");
        }
        for sent in [
            "http://127.0.0.1:0/cb?a=b",
            "http://127.0.0.1:65536/cb?a=b",
            "http://127.0.0.1:080/cb?a=b",
            "http://127.0.0.1:+80/cb?a=b",
            "http://127.0.0.1:/cb?a=b",
            "http://127.0.0.1:80@evil.example/cb?a=b",
            "http://127.0.0.1@evil.example/cb?a=b",
            "http://127.0.0.1.evil.example/cb?a=b",
            "http://127.0.0.1:80.evil.example/cb?a=b",
            "http://127.0.0.1:80\\@evil.example/cb?a=b",
            "http://127.0.0.1:80/cb?a=c",
            "http://127.0.0.1:80/cb/?a=b",
            "http://127.0.0.1:80/cb",
            "https://127.0.0.1:80/cb?a=b",
            "http://[::1]:80/cb?a=b",
        ] {
            assert!(!answers(registered, sent), "{sent}");
        }
    }
    assert!(answers("http://[::1]/cb", "http://[::1]:7/cb"));
    assert!(answers("http://127.0.0.1", "http://127.0.0.1:7"));
    assert!(!answers("http://127.0.0.1", "http://127.0.0.1:7/"), "an empty path stays empty");
}

// proves: REDIR-03
#[test]
fn localhost_gets_no_exception() {
    assert!(answers("http://localhost:8080/cb", "http://localhost:8080/cb"));
    assert!(!answers("http://localhost:8080/cb", "http://localhost:8081/cb"));
    assert!(!answers("http://localhost/cb", "http://localhost:8081/cb"));
}

// proves: REDIR-04
#[test]
fn loopback_written_in_another_way_is_not_loopback() {
    for host in
        ["127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "[::ffff:127.0.0.1]", "127.0.0.2", "[0:0:0:0:0:0:0:1]"]
    {
        assert!(!answers("http://127.0.0.1/cb", &format!("http://{host}/cb")), "{host}");
        let registered = format!("http://{host}/cb");
        assert!(!answers(&registered, &format!("http://{host}:7/cb")), "{host}");
    }
}

// proves: REDIR-09
#[test]
fn whoever_registered_several_says_which() {
    let mut world = World::new();
    let form = world.request_of(WEB).without("redirect_uri");
    world.authorize(&mut Browser::new(), &form).unwrap();
    world.edit_client(WEB, |client| client.redirect_uris.push(RedirectUri::new("https://app.example/2")));
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::RedirectUriMissing);
    world.edit_client(WEB, |client| client.redirect_uris.clear());
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::RedirectUriMissing);
}

// proves: REDIR-11
#[test]
fn parameters_are_added_behind_the_registered_query_and_break_no_line() {
    let mut world = World::new();
    let form = world.request_of(WEB_POST).with("state", "a b&code=mine#x%0d%0a");
    let location = world.approve_in(&mut Browser::new(), &form);
    assert!(location.starts_with(&format!("{WEB_POST_CALLBACK}&code=")), "{location}");
    assert_eq!(parameter_of(&location, "state").as_deref(), Some("a b&code=mine#x%0d%0a"));
    assert!(!location.contains(['\r', '\n', '\0', ' ', '#']));
    for (registered, begins) in [
        ("https://app.example/cb?", "https://app.example/cb?code="),
        ("https://app.example/cb?a=b&", "https://app.example/cb?a=b&code="),
        ("https://app.example/cb?q=what?", "https://app.example/cb?q=what?&code="),
    ] {
        world.edit_client(WEB, |client| client.redirect_uris = vec![RedirectUri::new(registered)]);
        let form = world.request_of(WEB);
        let location = world.approve_in(&mut Browser::new(), &form);
        assert!(location.starts_with(begins), "{location}");
    }
}

#[test]
fn a_wrong_redirect_uri_is_shown_to_the_developer_beside_the_nearest_right_one() {
    let mut world = World::new();
    world.edit_client(WEB, |client| client.redirect_uris.insert(0, RedirectUri::new("https://other.example/")));
    let form = world.request_of(WEB).with("redirect_uri", "https://app.example/callbak");
    let refused = world.authorize(&mut Browser::new(), &form).unwrap_err();
    let evidence = refused.evidence.unwrap();
    assert_eq!(evidence.accepted[0], crate::town::WEB_CALLBACK);
}
