//! `/account/access` over HTTP: what a person let applications do, and what comes of taking it back.

use grantd_protocol::changes::Change;
use grantd_protocol::facts::{HOLDINGS_SHOWN, Lookup};
use grantd_protocol::names::{ClientId, GrantId};
use grantd_protocol::records::{Grant, GrantState};
use grantd_tokens::{Digest, Seconds};
use serde_json::json;

use crate::flow::claims;
use crate::rig::html::Form;
use crate::rig::{Answer, Asking, Browser, PASSWORD, Rig, Setup};

pub(crate) const PAGE: &str = "/account/access";

/// Alice lets the reading room have all three boxes: her browser, and its refresh token.
pub(crate) async fn alice_shares_her_boxes(rig: &Rig) -> (Browser, String) {
    let mut browser = rig.browser();
    let asking = Asking::of_web().for_boxes().with("scope", "boxes:list letters:read mail:send offline_access");
    let code = browser.code(&asking).await;
    let refresh_token = rig.redeem(&code).await.member("refresh_token");
    (browser, refresh_token)
}

async fn refresh(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// What a person who signs in by themselves comes to.
pub(crate) async fn signed_in_as(rig: &Rig, username: &str) -> (Browser, Answer) {
    let mut browser = rig.browser();
    let login = browser.get(PAGE).await;
    let login = browser.follow(login).await;
    let signed_in = browser.sign_in(&login, username, PASSWORD).await;
    let page = browser.follow(signed_in).await;
    (browser, page)
}

/// The value of the box that is labelled so.
pub(crate) fn key_of(page: &Answer, label: &str) -> String {
    let label = format!("<bdi>{label}</bdi>");
    let before = page.body.split(&label).next().filter(|before| before.len() < page.body.len());
    let before = before.unwrap_or_else(|| panic!("no {label} in {page:?}"));
    before.rsplit("value=\"").next().unwrap().split('"').next().unwrap().to_owned()
}

/// Presses a button: where it leads.
pub(crate) async fn press(browser: &mut Browser, form: &Form, action: &str) -> Answer {
    browser.submit(&form.clone().with("action", action)).await
}

/// What the page says was done.
async fn told(browser: &mut Browser, answer: Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = browser.follow(answer).await;
    let notice = page.body.split("id=\"notice\"").nth(1).unwrap_or_else(|| panic!("no notice in {page:?}"));
    notice.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()
}

fn session_of(browser: &Browser) -> &str {
    browser.cookies.iter().find(|(name, _)| name.ends_with("session")).unwrap().1
}

async fn grants_of(rig: &Rig, browser: &Browser) -> Vec<Grant> {
    let session = Digest::of(session_of(browser).as_bytes());
    let lookup = Lookup { session: Some(session), holdings: true, ..Lookup::default() };
    rig.app.store.load(&rig.app.settings.issuer, &lookup).await.unwrap().holdings.grants
}

// proves: CONSENT-05
#[tokio::test]
async fn a_box_that_is_taken_back_is_in_no_further_token_and_the_app_goes_on() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    let page = browser.get(PAGE).await;
    for needed in
        ["The reading room", "app.example", "The storage", "Read your letters", "just now", "also while you are away"]
    {
        assert!(page.body.contains(needed), "{needed} is missing in {}", page.body);
    }
    let form = page.form("narrow_0").untick("thing", &key_of(&page, "Box 2")).untick("scope", "mail:send");
    let answer = press(&mut browser, &form, "narrow").await;
    assert!(told(&mut browser, answer).await.starts_with("Done. The app goes on with what is left"));

    let tokens = refresh(&rig, &refresh_token).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(tokens.member("scope"), "boxes:list letters:read offline_access");
    let access_token = tokens.member("access_token");
    let boxes: Vec<String> = tokens.json()["authorization_details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["identifier"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(boxes, ["box-1", "box-3"]);
    assert_eq!(claims(&access_token)["scope"], "boxes:list letters:read");
    assert_eq!(rig.shop.call(&access_token).await, (200, "box-1 box-3".to_owned()));
    let mail = [("resource", crate::rig::MAIL)];
    let voucher = tokens.member("refresh_token");
    let grant = [("grant_type", "refresh_token"), ("refresh_token", voucher.as_str())];
    let refused = rig.token_by("web", &[&grant[..], &mail[..]].concat()).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_target"));
    assert_eq!(refresh(&rig, &voucher).await.status, 200, "asking for too much costs the app nothing");

    // The page shows what is left, and the app's next question is asked.
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("<bdi>Box 1</bdi>") && !page.body.contains("<bdi>Box 2</bdi>"), "{}", page.body);
    assert!(browser.open("/authorize", &Asking::of_web().for_boxes()).await.has_form("consent"));
}

// proves: CONSENT-05
#[tokio::test]
async fn ending_an_app_ends_its_tokens_and_only_its() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    browser.code(&Asking::of("posting", "https://posting.example/callback")).await;
    let page = browser.get(PAGE).await;
    let forms = [page.form("end_0"), page.form("end_1")];
    let of_web = forms.iter().find(|form| form.get("client") == Some("web")).unwrap();
    let answer = press(&mut browser, of_web, "end").await;
    assert!(told(&mut browser, answer).await.starts_with("Done. The app gets nothing more"));
    let refused = refresh(&rig, &refresh_token).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
    let left: Vec<_> = grants_of(&rig, &browser).await.into_iter().map(|grant| grant.client).collect();
    assert_eq!(left, [ClientId::new("posting")]);
    // Once more, from a page that is still open: nothing is there to end.
    let answer = press(&mut browser, of_web, "end").await;
    assert!(told(&mut browser, answer).await.starts_with("Nothing was changed"));
}

// proves: CONSENT-05
#[tokio::test]
async fn everything_is_ended_at_once_after_a_question_and_nobody_elses() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    browser.code(&Asking::of("posting", "https://posting.example/callback")).await;
    let (mut bobs, _) = signed_in_as(&rig, "bob").await;
    let page = bobs.open("/authorize", &Asking::of_web()).await;
    bobs.allow(&page.form("consent")).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("<details>"), "the button stands behind a question");
    let answer = press(&mut browser, &page.form("end_all"), "end_all").await;
    assert!(told(&mut browser, answer).await.starts_with("Done. No app has access any more"));
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("id=\"no_access\"") && !page.has_form("end_0") && !page.has_form("forget_0"));
    assert_eq!(refresh(&rig, &refresh_token).await.error(), "invalid_grant");
    assert_eq!(grants_of(&rig, &bobs).await.len(), 1);
}

#[tokio::test]
async fn what_was_agreed_to_before_can_be_forgotten() {
    let rig = Rig::development().await;
    let asking = Asking::of_web().with("scope", "boxes:list");
    rig.browser().code(&asking).await;
    let mut browser = rig.browser();
    let login = browser.get("/login").await;
    browser.sign_in(&login, "alice", PASSWORD).await;
    let grant = grants_of(&rig, &browser).await.remove(0);
    let because = grantd_protocol::records::Revocation::SignedOut;
    rig.put(vec![Change::RevokeGrant { grant: grant.id, at: grant.created_at, because }]).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("Agreed to before") && !page.has_form("end_0"), "{}", page.body);
    let answer = press(&mut browser, &page.form("forget_0"), "end").await;
    assert!(told(&mut browser, answer).await.starts_with("Done."));
    assert!(browser.open("/authorize", &asking).await.has_form("consent"));
}

// proves: SESS-04
#[tokio::test]
async fn other_sessions_are_counted_and_ended_and_this_one_stays() {
    let rig = Rig::development().await;
    let (mut there, _) = signed_in_as(&rig, "alice").await;
    let (mut here, page) = signed_in_as(&rig, "alice").await;
    assert!(page.body.contains("in one other"), "{}", page.body);
    let answer = press(&mut here, &page.form("elsewhere"), "sign_out_elsewhere").await;
    assert!(told(&mut here, answer).await.starts_with("Done. You are signed in only here"));
    assert!(here.get(PAGE).await.body.contains("Only here"));
    let gone = there.get(PAGE).await;
    assert!(there.follow(gone).await.has_form("login"));
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first_and_comes_back_to_this_server() {
    let rig = Rig::development().await;
    let (_, page) = signed_in_as(&rig, "alice").await;
    assert!(page.body.contains("No app may use anything of yours now"), "{}", page.body);
    // No parameter leads anywhere else.
    let mut browser = rig.browser();
    let login = browser.get("/login?next=https://evil.example/&return_to=//evil.example").await;
    let signed_in = browser.sign_in(&login, "alice", PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.location()), (303, Some(PAGE)));
    let home = rig.browser().get("/").await;
    assert!(home.body.contains(&format!("href=\"{PAGE}\"")), "{}", home.body);
}

#[tokio::test]
async fn a_session_that_is_over_changes_nothing_and_leads_to_signing_in() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    let page = browser.get(PAGE).await;
    let (end, all) = (page.form("end_0"), page.form("end_all"));
    let session = Digest::of(session_of(&browser).as_bytes());
    rig.put(vec![Change::EndSession { session, at: grantd::env::now() }]).await;
    for answer in
        [browser.get(PAGE).await, press(&mut browser, &end, "end").await, press(&mut browser, &all, "end_all").await]
    {
        assert_eq!((answer.status, answer.location()), (303, Some("/login")), "{answer:?}");
    }
    assert_eq!(refresh(&rig, &refresh_token).await.status, 200);
}

// proves: SESS-05
#[tokio::test]
async fn a_form_of_another_site_session_or_button_changes_nothing() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    let page = browser.get(PAGE).await;
    let (mut bobs, bobs_page) = signed_in_as(&rig, "bob").await;
    assert!(!bobs_page.has_form("end_0"));
    let end = page.form("end_0").with("action", "end");
    let narrow = page.form("narrow_0");
    let csrf_of_narrow = narrow.get("csrf").unwrap();
    let forged = [
        end.clone().with("csrf", "made-up"),
        end.clone().without("csrf"),
        end.clone().with("csrf", csrf_of_narrow),
        end.clone().with("action", "end_all"),
        end.clone().with("action", "sign_out_elsewhere"),
        narrow.clone().with("action", "end"),
    ];
    for form in &forged {
        assert_eq!(browser.submit(form).await.status, 403, "{form:?}");
    }
    assert_eq!(bobs.submit(&end).await.status, 403, "a form of Alice's page in Bob's browser");
    for (site, origin) in [("cross-site", "https://evil.example"), ("same-site", "null"), ("cross-site", "null")] {
        let request = browser.form(PAGE, &end.fields()).header("sec-fetch-site", site).header("origin", origin);
        assert_eq!(browser.send(request).await.status, 403, "{site}");
    }
    for unknown in [end.clone().with("action", "approve"), end.clone().without("action"), end.clone().without("client")]
    {
        assert_eq!(browser.submit(&unknown).await.status, 400, "{unknown:?}");
    }
    for path in ["?action=end_all", "?client=web&action=end"] {
        assert_eq!(browser.get(&format!("{PAGE}{path}")).await.status, 200, "a link changes nothing");
    }
    assert_eq!(refresh(&rig, &refresh_token).await.status, 200);
}

#[tokio::test]
async fn what_was_tampered_with_takes_away_and_never_adds() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let details = json!([{ "type": "lockbox", "actions": ["read"], "identifier": "box-1" }]).to_string();
    let code =
        browser.code(&Asking::of_web().with("scope", "letters:read").with("authorization_details", &details)).await;
    rig.redeem(&code).await;
    let before = grants_of(&rig, &browser).await;
    let page = browser.get(PAGE).await;
    let box_1 = key_of(&page, "Box 1");
    let said = [
        ("scope", "boxes:list"),
        ("scope", "mail:send"),
        ("scope", "offline_access"),
        ("scope", "letters:read"),
        ("thing", "box-2"),
        ("thing", "\u{202e}<script>"),
        ("thing", &box_1),
        ("resource", "https://mail.example/"),
    ];
    let narrow = page.form("narrow_0");
    let hidden = [("action", "narrow"), ("csrf", narrow.get("csrf").unwrap()), ("client", "web")];
    let answer = browser.post(PAGE, &[&hidden[..], &said[..]].concat()).await;
    assert!(told(&mut browser, answer).await.starts_with("Nothing was changed"));
    assert_eq!(grants_of(&rig, &browser).await, before);

    // Somebody else's application, or none at all, is as if it were not there.
    let (mut bobs, _) = signed_in_as(&rig, "bob").await;
    bobs.code(&Asking::of("posting", "https://posting.example/callback")).await;
    let page = bobs.get(PAGE).await;
    for client in ["web", "nobody", "<b>"] {
        for (form, action) in [("narrow_0", "narrow"), ("end_0", "end")] {
            let form = page.form(form).with("client", client);
            let answer = press(&mut bobs, &form, action).await;
            assert!(told(&mut bobs, answer).await.starts_with("Nothing was changed"), "{action} {client}");
        }
    }
    assert_eq!(grants_of(&rig, &browser).await, before);
    // A notice is one of a list, whatever the address says.
    let page = browser.get(&format!("{PAGE}?done=%3Cb%3Ecall%20this%20number")).await;
    assert!(page.status == 200 && !page.body.contains("id=\"notice\"") && !page.body.contains("call this"));
}

// proves: CONSENT-06
#[tokio::test]
async fn the_name_of_an_app_is_text_on_this_page_too() {
    let rig = Rig::development().await;
    let issuer = &rig.app.settings.issuer;
    let mut client = rig.app.store.client(issuer, &ClientId::new("web")).await.unwrap().unwrap();
    client.name = "<img src=x onerror=alert(1)>\u{202e}knaB ruoY".to_owned();
    client.homepage = Some("javascript:alert(1)".to_owned());
    rig.put(vec![Change::PutClient(client)]).await;
    let (mut browser, _) = alice_shares_her_boxes(&rig).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("&#60;img src=x onerror=alert(1)&#62;knaB ruoY"), "{}", page.body);
    assert!(!page.body.contains('\u{202e}') && !page.body.contains("<img src=x") && !page.body.contains("javascript:"));
}

#[tokio::test]
async fn more_grants_than_the_page_lists_are_ended_and_never_half_narrowed() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    let page = browser.get(PAGE).await;
    let narrow = page.form("narrow_0").untick("thing", &key_of(&page, "Box 2"));
    let grant = grants_of(&rig, &browser).await.remove(0);
    let more = (0..HOLDINGS_SHOWN + 50).map(|number| {
        let id = GrantId::new(format!("grant-{number}"));
        Change::AddGrant(Grant { id, created_at: grant.created_at + Seconds(1), ..grant.clone() })
    });
    rig.put(more.collect()).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("id=\"cut\"") && page.body.len() < 40_000, "{} bytes", page.body.len());
    let answer = press(&mut browser, &narrow, "narrow").await;
    assert!(told(&mut browser, answer).await.contains("single things cannot be taken back"));
    assert!(grants_of(&rig, &browser).await.iter().all(|grant| grant.narrowings == 0));

    let answer = press(&mut browser, &page.form("end_0"), "end").await;
    assert!(told(&mut browser, answer).await.starts_with("Done."));
    assert!(grants_of(&rig, &browser).await.is_empty());
    // Also the oldest, which was on no list.
    assert_eq!(refresh(&rig, &refresh_token).await.error(), "invalid_grant");
    assert_eq!(grant.state, GrantState::Standing);
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_page_there() {
    let rig = Setup::development().at("/t/acme").start().await;
    let mut browser = rig.browser();
    let login = browser.get("/t/acme/account/access").await;
    let login = browser.follow(login).await;
    let signed_in = browser.sign_in(&login, "alice", PASSWORD).await;
    assert_eq!(signed_in.location(), Some("/t/acme/account/access"));
    let page = browser.follow(signed_in).await;
    assert!(page.body.contains("href=\"/t/acme/logout\""), "{}", page.body);
    assert_eq!(browser.get(PAGE).await.status, 404);
}
