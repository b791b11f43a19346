//! Law 1: absence refuses. A fact that is not there leads to a refusal, or to asking the user, so that a key forgotten in a
//! `lookup` fails closed.

use std::collections::BTreeSet;

use grantd_protocol::account::{AccessChange, AccessPage, Changed, Shown as Seen, Wish};
use grantd_protocol::authorize::{AuthorizationRequest, Step};
use grantd_protocol::changes::Change;
use grantd_protocol::consent::{ConsentDecision, ConsentPage, Decided, Shown, Verdict};
use grantd_protocol::endpoint::{Endpoint, Next};
use grantd_protocol::facts::{Facts, Holdings};
use grantd_protocol::forms::{FormOrigin, Purpose};
use grantd_protocol::introspection::Introspected;
use grantd_protocol::login::{Admission, Admitted, SessionUse, SignIn, SignedIn};
use grantd_protocol::names::{ClientId, Username};
use grantd_protocol::records::{AccessTokenFormat, Presence, Status};
use grantd_tokens::{Seconds, Secret};

use super::sign_in_form;
use crate::forms_of_the_wire::{Browser, Form, TokenCall};
use crate::shown_tokens::{API, introspection, issued, issued_to, showing, world_with, written};
use crate::town::{ALICE, SERVICE, WEB, WEB_POST, user_id};
use crate::world::{World, parsed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A code, tokens, a session, or what a person is known by.
    Gives,
    /// A page; the user comes next.
    Asks,
    Refuses,
}

/// A request that was loaded for, and can be decided on other facts than those.
struct Case {
    what: &'static str,
    facts: Facts,
    decide: Box<dyn FnMut(&Facts) -> Outcome>,
    /// Facts that come along although the decision is not about them.
    unasked: &'static [&'static str],
}

impl Case {
    fn without_need_of(self, unasked: &'static [&'static str]) -> Self {
        Self { unasked, ..self }
    }
}

fn case<E: Endpoint + 'static>(
    what: &'static str,
    mut world: World,
    endpoint: E,
    told: fn(&E::Answer) -> Outcome,
) -> Case {
    let facts = world.load(&endpoint.lookup());
    let decide = move |facts: &Facts| match world.decide_on(&endpoint, facts) {
        Next::Fetch(_) => Outcome::Asks,
        Next::Done(decision) => decision.answer.as_ref().map_or(Outcome::Refuses, told),
    };
    Case { what, facts, decide: Box::new(decide), unasked: &[] }
}

/// Each fact by its name, and how to lose it; `false` if it was not there.
type Field = (&'static str, fn(&mut Facts) -> bool);

const FIELDS: [Field; 15] = [
    ("client", |facts| facts.client.take().is_some()),
    ("resources", |facts| !std::mem::take(&mut facts.resources).is_empty()),
    ("code", |facts| facts.code.take().is_some()),
    ("refresh_token", |facts| facts.refresh_token.take().is_some()),
    ("successor", |facts| facts.successor.take().is_some()),
    ("access_token", |facts| facts.access_token.take().is_some()),
    ("ended", |facts| facts.ended.take().is_some()),
    ("holder", |facts| facts.holder.take().is_some()),
    ("grant", |facts| facts.grant.take().is_some()),
    ("grant_session", |facts| facts.grant_session.take().is_some()),
    ("session", |facts| facts.session.take().is_some()),
    ("user", |facts| facts.user.take().is_some()),
    ("pending", |facts| facts.pending.take().is_some()),
    ("consent", |facts| facts.consent.take().is_some()),
    ("holdings", |facts| std::mem::take(&mut facts.holdings) != Holdings::default()),
];

/// The two facts that are counts. No record of attempts means that there were none, and nothing waits where nothing is
/// counted: these are limits on load, whose single use is the guard of [`Change::CountAttempt`].
#[test]
fn every_fact_is_one_that_can_be_lost_or_a_count() {
    let Facts {
        client: _,
        resources: _,
        code: _,
        refresh_token: _,
        successor: _,
        grant: _,
        grant_session: _,
        session: _,
        user: _,
        pending: _,
        consent: _,
        attempts,
        waiting,
        scopes_elsewhere,
        access_token: _,
        ended: _,
        holder: _,
        holdings: _,
    } = Facts::default();
    assert!(scopes_elsewhere.is_empty(), "without it a scope is unknown, and left out");
    assert!(attempts.is_empty() && waiting.in_all == 0 && waiting.from_network == 0);
    let names: BTreeSet<_> = FIELDS.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), FIELDS.len());
}

#[test]
fn an_answered_request_without_any_one_fact_is_refused_or_asks_the_user() {
    let mut lost = BTreeSet::new();
    for mut case in given() {
        assert_eq!((case.decide)(&case.facts), Outcome::Gives, "{}", case.what);
        for (name, lose) in FIELDS {
            let mut facts = case.facts.clone();
            if lose(&mut facts) {
                lost.insert(name);
                let gives = (case.decide)(&facts) == Outcome::Gives;
                assert_eq!(gives, case.unasked.contains(&name), "{} without its {name}", case.what);
            }
        }
        assert_ne!((case.decide)(&Facts::default()), Outcome::Gives, "{} without any fact", case.what);
    }
    assert_eq!(lost.len(), FIELDS.len(), "some fact was never there to be lost: only {lost:?}");
}

#[test]
fn losing_a_fact_never_turns_a_refusal_into_an_answer() {
    for mut case in refused() {
        assert_eq!((case.decide)(&case.facts), Outcome::Refuses, "{}", case.what);
        for (name, lose) in FIELDS {
            let mut facts = case.facts.clone();
            if lose(&mut facts) {
                assert_ne!((case.decide)(&facts), Outcome::Gives, "{} without its {name}", case.what);
            }
        }
    }
}

/// What the user once agreed to spares a question. It is nothing to a token request, which stands on the grant, nor to the
/// answer of a user who is being asked.
const AGREED_TO: &[&str] = &["consent"];

// ---- requests that are given something ----

fn given() -> Vec<Case> {
    let mut cases = token_requests();
    cases.extend(browser_requests());
    cases.extend(introspections());
    cases.extend(account_requests());
    cases
}

/// To be told what a token is good for is to be given something. The session of its grant counts for a refresh token alone:
/// whoever ends a session ends what hangs on it.
fn introspections() -> Vec<Case> {
    let shown = |what, world: &World, caller, token: &Secret| {
        let request = introspection(&showing(world, caller, token)).unwrap();
        case(what, world.clone(), request, told)
    };
    let mut opaque = world_with(AccessTokenFormat::Opaque);
    let mut signed = world_with(AccessTokenFormat::Jwt);
    let in_store = written(&issued(&mut opaque, "boxes:list"));
    let by_signature = issued(&mut signed, "boxes:list");
    let own = written(&issued_to(&mut signed, SERVICE));
    let refresh = by_signature.refresh_token.clone().unwrap();
    vec![
        shown("an opaque access token", &opaque, API, &in_store).without_need_of(&["resources", "grant_session"]),
        shown("a signed access token", &signed, API, &written(&by_signature))
            .without_need_of(&["resources", "grant_session"]),
        shown("a client's own access token", &signed, API, &own).without_need_of(&["resources"]),
        shown("a refresh token", &signed, WEB, &refresh).without_need_of(&["resources", "consent", "ended"]),
    ]
}

fn told(introspected: &Introspected) -> Outcome {
    match introspected {
        Introspected::Active(_) => Outcome::Gives,
        Introspected::Inactive(_) => Outcome::Refuses,
    }
}

fn token_requests() -> Vec<Case> {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let redemption = world.redemption_of(WEB, &code);
    let service = world.call_of(SERVICE, Form::new(&[("grant_type", "client_credentials"), ("scope", "boxes:list")]));
    let mut refreshed = world.clone();
    let token = refreshed.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    // A grant that the user let last needs no session; this one does.
    assert!(refreshed.records().grants.values().all(|grant| grant.presence == Presence::WhileSignedIn));
    let refresh = refreshed.refresh_of(WEB, &token);
    let mut answer_lost = refreshed.clone();
    answer_lost.token(&refresh).unwrap();
    vec![
        token_case("a redemption", world.clone(), &redemption).without_need_of(AGREED_TO),
        token_case("a refresh", refreshed, &refresh).without_need_of(AGREED_TO),
        token_case("a refresh whose answer was lost", answer_lost, &refresh).without_need_of(AGREED_TO),
        token_case("a client for itself", world, &service),
    ]
}

fn token_case(what: &'static str, world: World, call: &TokenCall) -> Case {
    case(what, world, parsed(call).unwrap(), |_| Outcome::Gives)
}

fn browser_requests() -> Vec<Case> {
    let Signed { world, browser, second } = signed_in_and_agreed();
    let form = world.request_of(WEB);
    let asked = AuthorizationRequest::parse(Some(form.encoded().as_bytes()), None).unwrap();
    let asked = asked.from_browser(browser.cookie.clone(), browser.session.as_ref(), browser.network.clone());
    let page = ConsentPage { browser: second.state() };
    let used = SessionUse { browser: browser.state() };
    let signed_out = Browser { session: None, ..second.clone() };
    let elsewhere = Browser { handle: None, ..signed_out.clone() };
    let mut world_to_sign_in = world.clone();
    let with_request = sign_in_form(&mut world_to_sign_in, &signed_out);
    let without_request = sign_in_form(&mut world_to_sign_in, &elsewhere);
    let attempt = Admission::Try {
        browser: elsewhere.state(),
        token: elsewhere.state().form_token(Purpose::SignIn),
        origin: FormOrigin::Own,
        username: Username::parse(ALICE),
        network: elsewhere.network.clone(),
    };
    vec![
        case("a request agreed to before", world.clone(), asked, step_gives),
        case("a consent page that need not ask", world.clone(), page, |shown| match shown {
            Shown::Elsewhere(step) => step_gives(step),
            Shown::Page(_) => Outcome::Asks,
        }),
        case("a sign-in for a request agreed to before", world.clone(), with_request, continues),
        case("a sign-in", world.clone(), without_request, |_| Outcome::Gives),
        case("a password to be compared", world.clone(), attempt, |admitted| match admitted {
            Admitted::Attempt(Some(_)) => Outcome::Gives,
            Admitted::Attempt(None) | Admitted::Page(_) | Admitted::AlreadySignedIn => Outcome::Asks,
        }),
        case("the use of a session", world.clone(), used, |user| match user {
            Some(_) => Outcome::Gives,
            None => Outcome::Asks,
        }),
        allowing("a consent", world, &second).without_need_of(AGREED_TO),
    ]
}

fn account_requests() -> Vec<Case> {
    let Signed { world, browser, .. } = signed_in_and_agreed();
    let seen = AccessPage { browser: browser.state() };
    let wish = Wish::End { client: ClientId::new(WEB) };
    let token = browser.state().form_token(wish.purpose());
    let ended = AccessChange { browser: browser.state(), token, origin: FormOrigin::Own, wish };
    vec![
        case("the page of what was granted", world.clone(), seen, |seen| match seen {
            Seen::Page(page) if !page.applications.is_empty() => Outcome::Gives,
            Seen::Page(_) | Seen::SignIn => Outcome::Asks,
        }),
        case("an ending of what was granted", world, ended, |changed| match changed {
            Changed::Ended => Outcome::Gives,
            _ => Outcome::Asks,
        }),
    ]
}

fn step_gives(step: &Step) -> Outcome {
    match step {
        Step::Answer(_) => Outcome::Gives,
        Step::Show { .. } => Outcome::Asks,
    }
}

fn continues(signed_in: &SignedIn) -> Outcome {
    signed_in.step.as_ref().map_or(Outcome::Asks, step_gives)
}

fn allowing(what: &'static str, world: World, browser: &Browser) -> Case {
    let token = browser.state().form_token(Purpose::Consent);
    let form = consent_form(browser, token);
    case(what, world, form, |decided| match decided {
        Decided::Answer(_) => Outcome::Gives,
        Decided::NothingChosen | Decided::SignInAgain | Decided::SessionOver => Outcome::Asks,
    })
}

fn consent_form(browser: &Browser, token: Option<Secret>) -> ConsentDecision {
    let scopes = crate::town::scopes("boxes:list").iter().cloned().collect();
    ConsentDecision {
        browser: browser.state(),
        token,
        origin: FormOrigin::Own,
        verdict: Verdict::Allow,
        scopes,
        things: Vec::new(),
    }
}

struct Signed {
    world: World,
    browser: Browser,
    /// The same browser on the page of a request that still waits, although its user has agreed to another like it.
    second: Browser,
}

fn signed_in_and_agreed() -> Signed {
    let (mut world, mut browser) = (World::new(), Browser::new());
    let form = world.request_of(WEB);
    world.authorize(&mut browser, &form).unwrap();
    let mut second = browser.clone();
    world.authorize(&mut second, &form).unwrap();
    world.sign_in(&mut browser, ALICE).unwrap();
    second.session = browser.session.clone();
    world.consent(&browser, Verdict::Allow).unwrap();
    Signed { world, browser, second }
}

// ---- requests that are refused ----

fn refused() -> Vec<Case> {
    let mut world = World::new();
    let code = world.approve(WEB, "boxes:list");
    let redemption = world.redemption_of(WEB, &code);
    let of_another = world.redemption_of(WEB_POST, &code);
    let mut cases = vec![
        token_case("a redemption by another client", world.clone(), &of_another),
        token_case(
            "a redemption with a wrong verifier",
            world.clone(),
            &redemption.clone().with("code_verifier", &"x".repeat(43)),
        ),
    ];
    let mut later = world.clone();
    later.advance(Seconds(60));
    cases.push(token_case("a redemption too late", later, &redemption));

    let (user, at) = (user_id(ALICE), world.now);
    let session = *world.records().sessions.keys().next().unwrap();
    let mut redeemed = world.clone();
    let spent = redeemed.redeem(WEB, &code).unwrap().refresh_token.unwrap();
    let unspent = redeemed.refresh(WEB, &spent).unwrap().refresh_token.unwrap();
    let (reuse, refresh) = (redeemed.refresh_of(WEB, &spent), redeemed.refresh_of(WEB, &unspent));
    cases.push(token_case("a replay of a code", redeemed.clone(), &redemption));
    let mut too_late = redeemed.clone();
    too_late.advance(Seconds(30));
    cases.push(token_case("a reuse of a refresh token", too_late, &reuse));
    let mut replaced = redeemed.clone();
    replaced.token(&reuse).unwrap();
    cases.push(token_case("a replaced refresh token", replaced, &refresh));
    let mut two_generations = redeemed.clone();
    two_generations.token(&refresh).unwrap();
    cases.push(token_case("a refresh token two generations old", two_generations, &reuse));
    let endings = [
        Change::SetUserStatus { user: user.clone(), status: Status::Disabled, at },
        Change::EndSession { session, at },
        Change::RemoveUser { user, at },
    ];
    for ending in endings {
        for (world, call) in [(&world, &redemption), (&redeemed, &refresh)] {
            let mut ended = world.clone();
            ended.operate(ending.clone());
            cases.push(token_case("a token request whose ground is gone", ended, call));
        }
    }
    let mut switched_off = redeemed;
    switched_off.edit_client(WEB, |client| client.status = Status::Disabled);
    cases.push(token_case("a refresh of a client that is off", switched_off, &refresh));
    cases.extend(refused_to_browsers());
    cases
}

fn refused_to_browsers() -> Vec<Case> {
    let Signed { world, second, .. } = signed_in_and_agreed();
    let forged = consent_form(&second, Some(Secret::new("made up")));
    let of_another = Browser { cookie: Some(Secret::new("another browser")), ..second.clone() };
    let page = ConsentPage { browser: of_another.state() };
    let mut later = world.clone();
    later.advance(Seconds(600));
    let mut disabled = world.clone();
    let sign_in: SignIn = sign_in_form(&mut disabled, &second);
    disabled.operate(Change::SetUserStatus { user: user_id(ALICE), status: Status::Disabled, at: world.now });
    vec![
        case("a forged consent", world.clone(), forged, |_| Outcome::Gives),
        case("a page in another browser", world, page, |_| Outcome::Gives),
        allowing("a consent too late", later, &second),
        case("a sign-in of somebody switched off", disabled, sign_in, |_| Outcome::Gives),
    ]
}
