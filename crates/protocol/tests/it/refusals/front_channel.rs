//! Refusals on the way through the browser, and the operator's one.

use grantd_protocol::authorize::AuthorizationRequest;
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::{ConsentPage, Verdict};
use grantd_protocol::forms::FormOrigin;
use grantd_protocol::login::SignOut;
use grantd_protocol::names::Scopes;
use grantd_protocol::records::Status;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::grant_type::GrantType;
use grantd_tokens::{Seconds, Secret};

use super::{Outcome, Row, outcome};
use crate::forms_of_the_wire::{Browser, Form};
use crate::town::{ALICE, NATIVE, WEB, user};
use crate::world::World;

pub(super) fn rows() -> Vec<Row> {
    parsed_requests()
        .into_iter()
        .chain(asked())
        .chain(of_clients())
        .chain(of_waiting_requests())
        .chain(of_people())
        .collect()
}

/// Requests that are refused before anything is looked up.
fn parsed_requests() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, query: &[u8], body: Option<&[u8]>, twin: &[u8]| Row {
        refusal,
        refused: AuthorizationRequest::parse(Some(query), body).map(|_| ()),
        answered: AuthorizationRequest::parse(Some(twin), None).map(|_| ()),
    };
    let long = |length: usize| format!("client_id=web&state={}", "x".repeat(length - "state=".len())).into_bytes();
    vec![
        row(R::AuthorizeTwice, b"client_id=web", Some(b"client_id=web"), b"client_id=web"),
        row(R::AuthorizeTooLarge, &long(8193), None, &long(8192)),
        row(R::AuthorizeMalformed, b"client_id=web&state=%f", None, b"client_id=web&state=%66"),
        row(R::ClientIdRepeated, b"client_id=web&client_id=web", None, b"client_id=web"),
        row(R::ClientIdMissing, b"client_id=", None, b"client_id=web"),
    ]
}

/// A request with one thing wrong, against the same request as it should be.
fn asked() -> Vec<Row> {
    use Refusal as R;
    let row = |refusal, twin: Edit<'_>, wrong: Edit<'_>| Row {
        refusal,
        refused: ask(|_| (), wrong),
        answered: ask(|_| (), twin),
    };
    let card = r#"[{"type":"postcard","motif":"sea"}]"#;
    vec![
        row(R::ClientUnknown, &same, &|form| form.with("client_id", "nobody")),
        row(R::RedirectUriUnregistered, &same, &|form| form.with("redirect_uri", "https://app.example/callback/")),
        row(R::AuthorizeParameterRepeated, &same, &|form| form.and("scope", "boxes:list")),
        row(R::StateTooLong, &|form| form.with("state", &"x".repeat(4096)), &|form| {
            form.with("state", &"x".repeat(4097))
        }),
        row(R::RequestObjectUnsupported, &same, &|form| form.with("request", "e30.e30.")),
        row(R::RequestUriUnsupported, &same, &|form| form.with("request_uri", "urn:example:1")),
        row(R::ResponseTypeMissing, &same, &|form| form.without("response_type")),
        row(R::ResponseTypeUnsupported, &same, &|form| form.with("response_type", "token")),
        row(R::ResponseModeUnsupported, &|form| form.with("response_mode", "query"), &|form| {
            form.with("response_mode", "fragment")
        }),
        row(R::CodeChallengeMissing, &same, &|form| form.without("code_challenge")),
        row(R::CodeChallengeMethodUnsupported, &same, &|form| form.with("code_challenge_method", "plain")),
        row(R::CodeChallengeMalformed, &same, &|form| form.with("code_challenge", "short")),
        row(R::ScopeMalformed, &same, &|form| form.with("scope", "boxes:list  boxes:read")),
        row(R::NothingAsked, &same, &|form| form.with("scope", "openid")),
        row(R::ScopeNotAllowed, &same, &|form| form.with("scope", "boxes:list boxes:burn")),
        row(R::ResourceMalformed, &|form| form.with("resource", "https://boxes.example/api"), &|form| {
            form.with("resource", "https://boxes.example/api#")
        }),
        row(R::ResourceUnknown, &|form| form.with("resource", "https://boxes.example/api"), &|form| {
            form.with("resource", "https://boxes.example/api/")
        }),
        row(R::DetailsMalformed, &|form| form.with("authorization_details", card), &|form| {
            form.with("authorization_details", "{}")
        }),
        row(R::DetailTypeNotAllowed, &|form| form.with("authorization_details", card), &|form| {
            form.with("authorization_details", r#"[{"type":"appointment"}]"#)
        }),
        row(R::DetailNotOfItsType, &|form| form.with("authorization_details", card), &|form| {
            form.with("authorization_details", r#"[{"type":"postcard"}]"#)
        }),
    ]
}

/// A good request of a client that may not make it.
fn of_clients() -> Vec<Row> {
    use Refusal as R;
    let off = |world: &mut World| world.edit_client(WEB, |client| client.status = Status::Disabled);
    let no_codes =
        |world: &mut World| world.edit_client(WEB, |client| client.grant_types = vec![GrantType::ClientCredentials]);
    let no_default = |world: &mut World| world.edit_client(WEB, |client| client.default_scopes = Scopes::default());
    let no_resource = |world: &mut World| world.edit_client(WEB, |client| client.resources.clear());
    let no_room = |world: &mut World| world.settings.limits.pending_in_all = 0;
    let unscoped: Edit<'_> = &|form: Form| form.without("scope");
    let row = |refusal, change: &dyn Fn(&mut World), edit: Edit<'_>| Row {
        refusal,
        refused: ask(change, edit),
        answered: ask(|_| (), edit),
    };
    vec![
        row(R::ClientSwitchedOff, &off, &same),
        row(R::ResponseTypeUnregistered, &no_codes, &same),
        row(R::ScopeMissing, &no_default, unscoped),
        row(R::ResourceMissing, &no_resource, &same),
        row(R::TooManyWaiting, &no_room, &same),
        Row {
            refusal: R::RedirectUriMissing,
            refused: ask_as(NATIVE, &|form| form.without("redirect_uri")),
            answered: ask_as(WEB, &|form| form.without("redirect_uri")),
        },
    ]
}

fn of_waiting_requests() -> Vec<Row> {
    use Refusal as R;
    let page = |change: &dyn Fn(&mut World, &mut Browser)| {
        let (mut world, mut browser) = on_consent_page();
        change(&mut world, &mut browser);
        outcome(world.run(&ConsentPage { browser: browser.state() }))
    };
    let late = |by: i64| page(&|world, _| world.advance(Seconds(by)));
    let cookie = |cookie: Option<Secret>| page(&|_, browser| browser.cookie.clone_from(&cookie));
    let pressed = |verdict: Verdict, origin: FormOrigin| {
        let (mut world, browser) = on_consent_page();
        let form = world.ticked(&browser, verdict);
        outcome(world.run(&grantd_protocol::consent::ConsentDecision { origin, ..form }))
    };
    vec![
        Row { refusal: R::RequestGone, refused: late(600), answered: late(599) },
        Row {
            refusal: R::RequestOfAnotherBrowser,
            refused: cookie(Some(Secret::new("of mine"))),
            answered: page(&|_, _| ()),
        },
        Row {
            refusal: R::ConsentForged,
            refused: pressed(Verdict::Allow, FormOrigin::Foreign),
            answered: pressed(Verdict::Allow, FormOrigin::Own),
        },
        Row {
            refusal: R::UserDenied,
            refused: pressed(Verdict::Deny, FormOrigin::Own),
            answered: pressed(Verdict::Allow, FormOrigin::Own),
        },
    ]
}

fn of_people() -> Vec<Row> {
    use Refusal as R;
    let signing_out = |origin| {
        let (mut world, browser) = on_consent_page();
        let token = browser.state().form_token(grantd_protocol::forms::Purpose::SignOut);
        outcome(world.run(&SignOut { browser: browser.state(), token, origin }))
    };
    let signing_in = |attempts_before: u32, password: &str| {
        let mut world = World::new();
        world.settings.limits.sign_ins_per_account_and_network = 2;
        let mut browser = on_login_page(&mut world);
        for _ in 0..attempts_before {
            let wrong = world.sign_in_with(&mut browser, ALICE, "wrong");
            assert_eq!(outcome(wrong), Err(R::SignInFailed));
        }
        outcome(world.sign_in_with(&mut browser, ALICE, password))
    };
    let right = crate::town::password_of(ALICE);
    let adding = |username: &str| {
        let mut world = World::new();
        match world.commit(&[Change::AddUser { user: user(username), or: R::NameTaken }]) {
            Commit::Refused(refusal) => Err(refusal),
            commit => {
                assert_eq!(commit, Commit::Done);
                Ok(())
            }
        }
    };
    vec![
        Row {
            refusal: R::FormForged,
            refused: signing_out(FormOrigin::Foreign),
            answered: signing_out(FormOrigin::Own),
        },
        Row { refusal: R::SignInFailed, refused: signing_in(0, "wrong"), answered: signing_in(0, &right) },
        Row { refusal: R::SignInThrottled, refused: signing_in(2, &right), answered: signing_in(1, &right) },
        Row { refusal: R::NameTaken, refused: adding(ALICE), answered: adding("carol") },
    ]
}

type Edit<'a> = &'a dyn Fn(Form) -> Form;

fn same(form: Form) -> Form {
    form
}

fn ask(change: impl Fn(&mut World), edit: Edit<'_>) -> Outcome {
    let mut world = World::new();
    change(&mut world);
    let form = edit(world.request_of(WEB));
    outcome(world.authorize(&mut Browser::new(), &form))
}

fn ask_as(client: &str, edit: Edit<'_>) -> Outcome {
    let mut world = World::new();
    let form = edit(world.request_of(client));
    outcome(world.authorize(&mut Browser::new(), &form))
}

fn on_login_page(world: &mut World) -> Browser {
    let mut browser = Browser::new();
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    browser
}

fn on_consent_page() -> (World, Browser) {
    let mut world = World::new();
    let mut browser = on_login_page(&mut world);
    world.sign_in(&mut browser, ALICE).unwrap();
    (world, browser)
}
