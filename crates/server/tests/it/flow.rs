//! The whole dance over HTTP, and every way in which a person can step out of it.

use grantd_protocol::changes::Change;
use grantd_protocol::names::{ResourceId, Scope};
use grantd_protocol::records::ScopeDeclaration;
use serde_json::json;

use crate::rig::{Answer, Asking, Behaviour, MAIL, PASSWORD, Rig, VERIFIER, long_name};

/// What an access token says.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

// proves: RAR-05, AUTHZ-10, AUTHZ-11, REDIR-13
#[tokio::test]
async fn the_whole_dance_ends_with_the_boxes_that_were_ticked() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web().for_boxes()).await;
    let form = page.form("consent").tick("thing", "box-1").untick("thing", "box-2").untick("thing", "box-3");
    let answer = browser.allow(&form).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().unwrap().starts_with("https://app.example/callback?code="));
    assert_eq!(answer.parameter("state").as_deref(), Some("a state"));
    assert_eq!(answer.parameter("iss").as_deref(), Some(rig.issuer.as_str()));

    let tokens = rig.redeem(&answer.parameter("code").unwrap()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let granted =
        json!([{ "type": "lockbox", "locations": [rig.shop.id()], "actions": ["read"], "identifier": "box-1" }]);
    assert_eq!(tokens.json()["authorization_details"], granted);
    let access_token = tokens.member("access_token");
    assert_eq!(claims(&access_token)["authorization_details"], granted);
    assert_eq!(rig.shop.call(&access_token).await, (200, "box-1".to_owned()));

    let refresh_token = tokens.member("refresh_token");
    let refreshed = rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(rig.shop.call(&refreshed.member("access_token")).await, (200, "box-1".to_owned()));
}

#[tokio::test]
async fn a_thing_is_asked_for_by_the_server_itself_and_for_nobody_else() {
    let rig = Rig::development().await;
    rig.shop.behave(Behaviour::Nothing);
    let page = rig.browser().consent_page(&Asking::of_web().for_boxes()).await;
    assert!(page.body.contains("You have none here"), "{}", page.body);
    let asked = ("subject-of-alice".to_owned(), rig.issuer.clone(), "grantd:things".to_owned());
    assert_eq!(rig.shop.asked(), [asked]);
}

// proves: AUTHZ-14, AT-03
#[tokio::test]
async fn what_was_unticked_is_in_no_token() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web().with("scope", "letters:read boxes:list offline_access")).await;
    let form = page.form("consent").untick("scope", "boxes:list").untick("away", "yes");
    let code = browser.allow(&form).await.parameter("code").unwrap();
    let tokens = rig.redeem(&code).await;
    assert_eq!(tokens.member("scope"), "letters:read");
    assert_eq!(claims(&tokens.member("access_token"))["scope"], "letters:read");
}

// proves: CONSENT-01
#[tokio::test]
async fn a_scope_that_two_resources_define_says_what_it_is_at_each() {
    let rig = Rig::development().await;
    let issuer = &rig.app.settings.issuer;
    let mut mail = rig.app.store.resource(issuer, &ResourceId::new(MAIL)).await.unwrap().unwrap();
    let (name, description) = (Scope::parse("letters:read").unwrap(), "burn letters unread".to_owned());
    mail.scopes.push(ScopeDeclaration { name, description });
    rig.put(vec![Change::PutResource(mail)]).await;
    let shop = rig.shop.id();
    let asking = Asking::of_web().with("scope", "letters:read").with("resource", &shop).and("resource", MAIL);
    let page = rig.browser().consent_page(&asking).await;
    assert_eq!(page.body.matches(r#"value="letters:read""#).count(), 1, "one choice, shown once: {}", page.body);
    assert!(page.body.contains("burn letters unread"), "{}", page.body);
}

// proves: CONSENT-04
#[tokio::test]
async fn a_tampered_form_gets_nothing_that_was_not_asked_for() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web().with("scope", "boxes:list")).await;
    let form = page.form("consent").with("scope", "letters:read").with("away", "yes").with("thing", "box-1");
    let nothing = browser.allow(&form).await;
    assert_eq!(nothing.status, 200, "none of that was offered, so nothing is ticked");
    let more = [
        ("scope", "boxes:list"),
        ("scope", "letters:read"),
        ("scope", "mail:send"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let mut fields = page
        .form("consent")
        .with("decision", "allow")
        .without("scope")
        .fields()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect::<Vec<_>>();
    fields.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = browser.post("/consent", &fields).await;
    assert!(answer.location().unwrap().starts_with("https://app.example/callback?"), "{answer:?}");
    assert_eq!(rig.redeem(&answer.parameter("code").unwrap()).await.member("scope"), "boxes:list");
}

// Each time the page is shown again: what could not be chosen was not left out by choice.
#[tokio::test]
async fn a_resource_that_cannot_say_what_is_there_leaves_the_rest_to_be_allowed() {
    let rig = Rig::development().await;
    for behaviour in [Behaviour::Slow, Behaviour::Garbage, Behaviour::Absent] {
        rig.shop.behave(behaviour);
        let mut browser = rig.browser();
        let page = browser.consent_page(&Asking::of_web().for_boxes()).await;
        assert!(page.body.contains("We could not ask"), "{behaviour:?}: {}", page.body);
        let form = page.form("consent");
        assert!(form.boxes().iter().all(|(name, _)| *name != "thing"), "{behaviour:?}: {form:?}");
        let code = browser.allow(&form).await.parameter("code").unwrap();
        let tokens = rig.redeem(&code).await;
        assert_eq!(tokens.member("scope"), "boxes:list letters:read");
        assert!(tokens.json().get("authorization_details").is_none(), "{behaviour:?}: {tokens:?}");
    }
}

// proves: AUTHZ-27, AUTHZ-10, AUTHZ-11
#[tokio::test]
async fn a_denial_reaches_the_client_and_spends_the_request() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web()).await;
    let form = page.form("consent");
    let denied = browser.deny(&form).await;
    assert_eq!(denied.status, 303);
    assert!(denied.location().unwrap().starts_with("https://app.example/callback?error=access_denied&"));
    assert_eq!(denied.parameter("state").as_deref(), Some("a state"));
    assert_eq!(denied.parameter("iss").as_deref(), Some(rig.issuer.as_str()));
    assert_eq!(denied.parameter("code"), None);
    assert_is_over(&browser.allow(&form).await);
}

/// A page that says that this request is gone, and leads nowhere.
fn assert_is_over(answer: &Answer) {
    assert_eq!((answer.status, answer.location()), (400, None), "{answer:?}");
    assert!(answer.body.contains("This request has ended"), "{}", answer.body);
}

// proves: AUTHZ-31
#[tokio::test]
async fn going_back_to_an_answered_request_leads_nowhere() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.open("/authorize", &Asking::of_web()).await;
    let signed_in = browser.sign_in(&page, "alice", PASSWORD).await;
    let consent_path = signed_in.location().unwrap().to_owned();
    let form = browser.follow(signed_in).await.form("consent");
    assert_eq!(browser.allow(&form).await.status, 303);
    assert_is_over(&browser.get(&consent_path).await);
    assert_is_over(&browser.get(&consent_path.replace("/consent", "/login")).await);
    assert_is_over(&browser.allow(&form).await);
    assert_is_over(&browser.deny(&form).await);
}

#[tokio::test]
async fn two_tabs_each_get_their_own_answer() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let one = browser.open("/authorize", &Asking::of_web().with("state", "one")).await;
    let two = browser.open("/authorize", &Asking::of_web().with("state", "two").with("scope", "letters:read")).await;
    let signed_in = browser.sign_in(&one, "alice", PASSWORD).await;
    let one_at = signed_in.location().unwrap().to_owned();
    let one = browser.follow(signed_in).await;
    // The second tab still shows its sign-in form: that somebody sends it is no forgery.
    let signed_in = browser.sign_in(&two, "alice", PASSWORD).await;
    let two = browser.follow(signed_in).await;
    let two = browser.allow(&two.form("consent")).await;
    assert_eq!(two.parameter("state").as_deref(), Some("two"), "{two:?}");
    // The first tab's consent form is about the session before; the page, opened anew, is about this one.
    assert_eq!(browser.allow(&one.form("consent")).await.status, 403);
    let one = browser.get(&one_at).await;
    let one = browser.allow(&one.form("consent")).await;
    assert_eq!(one.parameter("state").as_deref(), Some("one"), "{one:?}");
}

// proves: SESS-03, STATE-05
#[tokio::test]
async fn another_browser_cannot_take_over_a_request_by_its_link() {
    let rig = Rig::development().await;
    let mut victim = rig.browser();
    let own = victim.consent_page(&Asking::of_web().with("state", "victim").with("scope", "letters:read")).await;
    let mut attacker = rig.browser();
    let page = attacker.open("/authorize", &Asking::of_web().for_boxes().with("state", "attacker")).await;
    let handle = page.form("login").get("request").unwrap().to_owned();
    let asked = rig.shop.asked();
    for path in ["/login", "/consent"] {
        assert_is_over(&victim.get(&format!("{path}?request={handle}")).await);
    }
    let form = own.form("consent").with("request", &handle);
    assert_is_over(&victim.allow(&form).await);
    assert_eq!(rig.shop.asked(), asked, "nobody asked what the victim has");
    let signed_in = attacker.sign_in(&page, "bob", PASSWORD).await;
    assert!(attacker.follow(signed_in).await.has_form("consent"), "the request still waits for its own browser");
}

#[tokio::test]
async fn allowing_nothing_shows_the_page_again() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let form = browser.consent_page(&Asking::of_web()).await.form("consent");
    let again = browser.allow(&form.clone().untick("scope", "boxes:list").untick("scope", "letters:read")).await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains("Nothing was ticked"), "{}", again.body);
    // Nothing is ticked on it: a second press of Allow does not share what was just unticked.
    let once_more = browser.allow(&again.form("consent")).await;
    assert!(once_more.body.contains("Nothing was ticked"), "{}", once_more.body);
    assert_eq!(browser.allow(&once_more.form("consent").tick("scope", "boxes:list")).await.status, 303);
}

// proves: CONSENT-02, CONSENT-03
#[tokio::test]
async fn what_was_agreed_to_is_not_asked_again_unless_anybody_could_be_asking() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let asking = Asking::of_web().with("scope", "boxes:list");
    browser.code(&asking).await;
    let again = browser.open("/authorize", &asking).await;
    assert!(again.parameter("code").is_some(), "{again:?}");
    for more in [Asking::of_web(), Asking::of_web().with("scope", "mail:send"), asking.clone().for_boxes()] {
        assert!(browser.open("/authorize", &more).await.has_form("consent"), "{}", more.encoded());
    }
    let mut other = rig.browser();
    let page = other.open("/authorize", &asking).await;
    let signed_in = other.sign_in(&page, "bob", PASSWORD).await;
    assert!(other.follow(signed_in).await.has_form("consent"), "nobody agrees for another");
    let native = Asking::of("native", "http://127.0.0.1:4711/callback");
    browser.code(&native).await;
    assert!(browser.open("/authorize", &native).await.has_form("consent"));
}

#[tokio::test]
async fn another_account_can_answer_the_same_request() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web()).await;
    let switched = browser.submit(&page.form("switch").with("decision", "switch_account")).await;
    let page = browser.follow(switched).await;
    assert!(page.has_form("login"), "{page:?}");
    let signed_in = browser.sign_in(&page, "bob", PASSWORD).await;
    let page = browser.follow(signed_in).await;
    let code = browser.allow(&page.form("consent")).await.parameter("code").unwrap();
    assert_eq!(claims(&rig.redeem(&code).await.member("access_token"))["sub"], "subject-of-bob");
}

// proves: SESS-04, CODE-11
#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_and_the_code_with_it() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    // Even of access that may outlast the session: until it is redeemed, the code is the session's.
    let code = browser.code(&Asking::of_web().with("scope", "boxes:list offline_access")).await;
    let mut kept = browser.clone();
    let question = browser.get("/logout").await;
    assert!(browser.get("/").await.has_form("logout"), "the question alone signs nobody out");
    let signed_out = browser.submit(&question.form("logout")).await;
    assert_eq!(signed_out.status, 303);
    assert!(!browser.follow(signed_out).await.has_form("logout"));
    assert!(!kept.get("/").await.has_form("logout"), "whoever kept the cookie has nothing either");
    assert!(kept.open("/authorize", &Asking::of_web()).await.has_form("login"));
    let refused = rig.redeem(&code).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
}

#[tokio::test]
async fn the_whole_dance_works_for_an_issuer_with_a_path() {
    let rig = crate::rig::Setup::development().at("/t/acme").start().await;
    let mut browser = rig.browser();
    let page = browser.open("/t/acme/authorize", &Asking::of_web().for_boxes()).await;
    let signed_in = browser.sign_in(&page, "alice", PASSWORD).await;
    let page = browser.follow(signed_in).await;
    let answer = browser.allow(&page.form("consent").tick("thing", "box-2")).await;
    assert_eq!(answer.parameter("iss"), Some(rig.issuer.clone()), "{answer:?}");
    let tokens = rig.redeem(&answer.parameter("code").unwrap()).await;
    let access_token = tokens.member("access_token");
    assert_eq!(claims(&access_token)["iss"], rig.issuer);
    let (status, opened) = rig.shop.call(&access_token).await;
    assert_eq!(status, 200);
    assert!(opened.contains("box-2"), "{opened}");
    let question = browser.get("/t/acme/logout").await;
    let signed_out = browser.submit(&question.form("logout")).await;
    assert!(browser.follow(signed_out).await.body.contains("You are signed out"));
    for path in ["/authorize", "/login", "/token", "/jwks", "/"] {
        assert_eq!(browser.get(path).await.status, 404, "{path} is not the issuer's");
    }
}

#[tokio::test]
async fn more_boxes_than_a_token_can_hold_can_be_ticked_and_asked_for_one_by_one() {
    let rig = Rig::development().await;
    rig.shop.behave(Behaviour::Many);
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web().for_boxes()).await;
    let answer = browser.allow(&page.form("consent")).await;
    let code = answer.parameter("code").unwrap_or_else(|| panic!("no code in {answer:?}"));
    // A token would be longer than any API reads: none is made, and the code is not spent for it.
    assert_eq!(rig.redeem(&code).await.status, 503);
    let one = json!([{ "type": "lockbox", "actions": ["read"], "identifier": long_name(7) }]).to_string();
    let grant = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let narrower = [&grant[..], &[("authorization_details", &one)]].concat();
    let tokens = rig.token_by("web", &narrower).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(rig.shop.call(&tokens.member("access_token")).await.0, 200);
}
