//! `GET` and `POST /account/access`: what a person let applications do, and the way to take it back. The rules are in
//! `grantd_protocol::account`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use grantd_protocol::account::{
    AccessChange, AccessPage, Application, Changed, Completeness, HeldAt, HeldThing, Overview, Shown, Wish,
};
use grantd_protocol::forms::Purpose;
use grantd_protocol::names::{ClientId, Scope};
use grantd_protocol::parameters::Parameters;
use grantd_protocol::records::{Client, DetailTypeDeclaration, Presence};
use grantd_protocol::redirect_uri::Destination;
use grantd_tokens::{Seconds, Secret, Time};
use http::StatusCode;
use http::header::SET_COOKIE;

use super::answer::{answer_to, client_name, fault, host_of, page, refused, see_other, unreadable};
use super::cookies::{Cookie, CookieKind};
use super::form::Form;
use super::visit::Visit;
use crate::app::{App, Shared};
use crate::env::OsRandom;
use crate::pages::{
    Access, AccessNotice, AccessTokens, AnswerTo, HeldApplication, HeldGroup, HeldResource, Lasting, Moment, PlainText,
    RememberedApplication, SafeLink, ScopeChoice, SessionLine, Thing, Tick,
};
use crate::run::run;

/// Where the page is.
pub const PATH: &str = "/account/access";

/// The page. Whoever is not signed in signs in first, and comes back.
pub async fn get(State(app): State<Shared>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    match run(&app, &AccessPage { browser: visit.browser.clone() }).await {
        Ok(Ok(Shown::Page(overview))) => show(&app, visit, &overview, notice_in(query.as_deref())),
        Ok(Ok(Shown::SignIn)) => see_other(&app.path("/login")),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// A button. The answer is the page again, by a redirect: a reload repeats nothing.
pub async fn post(State(app): State<Shared>, visit: Visit, form: Form) -> Response {
    let client = || form.get("client").map(ClientId::new);
    let wish = match (form.get("action"), client()) {
        (Some("narrow"), Some(client)) => {
            let scopes = form.all("scope").iter().filter_map(|scope| Scope::parse(scope)).collect();
            Wish::Narrow { client, scopes, things: form.all("thing") }
        }
        (Some("end"), Some(client)) => Wish::End { client },
        (Some("end_all"), _) => Wish::EndAll,
        (Some("sign_out_elsewhere"), _) => Wish::SignOutElsewhere,
        _ => return unreadable(StatusCode::BAD_REQUEST, visit.chrome),
    };
    let change = AccessChange { browser: visit.browser.clone(), token: form.token(), origin: visit.origin, wish };
    match run(&app, &change).await {
        Ok(Ok(Changed::SessionOver)) => see_other(&app.path("/login")),
        Ok(Ok(changed)) => see_other(&format!("{}?done={}", app.path(PATH), name_of(changed))),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// What was done, in the address: a word of this list, so that no link can make the page say anything else.
const NOTICES: [(&str, AccessNotice); 6] = [
    ("narrowed", AccessNotice::Narrowed),
    ("ended", AccessNotice::Ended),
    ("all_ended", AccessNotice::AllEnded),
    ("signed_out_elsewhere", AccessNotice::SignedOutElsewhere),
    ("nothing", AccessNotice::Nothing),
    ("too_many", AccessNotice::TooMany),
];

fn name_of(changed: Changed) -> &'static str {
    match changed {
        Changed::Narrowed => "narrowed",
        Changed::Ended => "ended",
        Changed::AllEnded => "all_ended",
        Changed::SignedOutElsewhere => "signed_out_elsewhere",
        Changed::Nothing | Changed::SessionOver => "nothing",
        Changed::TooMany => "too_many",
    }
}

fn notice_in(query: Option<&str>) -> Option<AccessNotice> {
    let parameters = Parameters::parse(query?.as_bytes(), MAX_NOTICE_BYTES).ok()?;
    let done = parameters.get("done")?;
    NOTICES.iter().find(|(name, _)| *name == done).map(|(_, notice)| *notice)
}

const MAX_NOTICE_BYTES: usize = 64;

/// The forms need an interaction cookie; a browser that has lost it is given one with the page (SESS-06).
fn show(app: &App, mut visit: Visit, overview: &Overview, notice: Option<AccessNotice>) -> Response {
    let made = visit.browser.browser.is_none().then(|| Secret::random(&mut OsRandom));
    if let Some(made) = &made {
        visit.browser.browser = Some(made.clone());
    }
    let mut response = page(StatusCode::OK, &template(app, visit, overview, notice), None);
    if let Some(made) = made {
        let cookie = Cookie::new(CookieKind::Interaction, made);
        response.headers_mut().append(SET_COOKIE, cookie.to_header(app.transport));
    }
    response
}

fn template(app: &App, visit: Visit, overview: &Overview, notice: Option<AccessNotice>) -> Access {
    let token = |purpose| visit.browser.form_token(purpose).map(|token| token.expose().to_owned()).unwrap_or_default();
    let moment = |at: Time| Moment::new(at.0, overview.now.0);
    Access {
        action: app.path(PATH),
        sign_out: app.path("/logout"),
        tokens: AccessTokens {
            narrow: token(Purpose::NarrowAccess),
            end: token(Purpose::EndAccess),
            end_all: token(Purpose::EndAllAccess),
            sign_out_elsewhere: token(Purpose::SignOutElsewhere),
        },
        account: overview.user.name.clone().unwrap_or_else(|| overview.user.username.as_str().to_owned()),
        notice,
        applications: overview.applications.iter().map(|held| application(app, held, overview.now)).collect(),
        remembered: overview
            .remembered
            .iter()
            .map(|remembered| RememberedApplication {
                client_id: remembered.client.id.to_string(),
                name: client_name(&remembered.client),
                answers_to: answers_to(&remembered.client),
                given: moment(remembered.given_at),
            })
            .collect(),
        elsewhere: overview
            .elsewhere
            .iter()
            .map(|session| SessionLine {
                since: moment(session.authenticated_at),
                last_used: moment(session.last_used_at),
            })
            .collect(),
        cut: overview.completeness == Completeness::Cut,
        chrome: visit.chrome,
    }
}

fn application(app: &App, held: &Application, now: Time) -> HeldApplication {
    let moment = |at: Time| Moment::new(at.0, now.0);
    let home = held.client.homepage.as_deref();
    HeldApplication {
        client_id: held.client.id.to_string(),
        name: client_name(&held.client),
        answers_to: answers_to(&held.client),
        home: home.and_then(|home| SafeLink::parse(home, app.mode)),
        since: moment(held.since),
        last_used: moment(held.last_used_at),
        until: moment(held.until),
        away: held.presence == Presence::Offline,
        wears_out: wears_out(app, held),
        resources: held.resources.iter().map(|at| resource(at, &held.resources)).collect(),
    }
}

/// The longest that an access token for one of these resources lives.
fn wears_out(app: &App, held: &Application) -> Lasting {
    let own = |at: &HeldAt| at.resource.access_token_lifetime.unwrap_or(app.settings.lifetimes.access_token);
    let longest = held.resources.iter().map(own).max().unwrap_or(Seconds(0));
    Lasting(u64::try_from(longest.0).unwrap_or_default())
}

/// Where the application receives its answers: unlike its name, not just its own word (CONSENT-06).
fn answers_to(client: &Client) -> Vec<AnswerTo> {
    let mut places: Vec<AnswerTo> = Vec::new();
    for place in client.redirect_uris.iter().filter_map(Destination::of).map(|destination| answer_to(&destination)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn resource(held: &HeldAt, all: &[HeldAt]) -> HeldResource {
    HeldResource {
        name: held.resource.name.clone(),
        host: host_of(held.resource.id.as_str()),
        groups: groups(held),
        scopes: held.scopes.iter().map(|scope| scope_choice(scope, held, all)).collect(),
    }
}

/// A scope of one name that another resource defines as well is one choice, and is taken back there, too: the line says so.
fn scope_choice(scope: &Scope, here: &HeldAt, all: &[HeldAt]) -> ScopeChoice {
    let described = |held: &HeldAt| {
        let declared = held.resource.scopes.iter().find(|declared| declared.name == *scope);
        declared.map(|declared| declared.description.clone())
    };
    let others = all.iter().filter(|other| other.resource.id != here.resource.id);
    let elsewhere: Vec<String> =
        others.filter_map(|other| Some(format!("Also at {}: {}.", other.resource.name, described(other)?))).collect();
    ScopeChoice {
        key: scope.to_string(),
        label: described(here).unwrap_or_else(|| scope.to_string()),
        detail: (!elsewhere.is_empty()).then(|| elsewhere.join(" ")),
        tick: Tick::On,
    }
}

/// Things of one kind with which the same may be done, together.
fn groups(held: &HeldAt) -> Vec<HeldGroup> {
    let mut groups: Vec<(&HeldThing, HeldGroup)> = Vec::new();
    for item in &held.things {
        let declaration = held.resource.detail_type(&item.detail.type_name);
        let alike = |(first, _): &&mut (&HeldThing, HeldGroup)| {
            first.detail.type_name == item.detail.type_name && first.detail.actions == item.detail.actions
        };
        match groups.iter_mut().find(alike) {
            Some((_, group)) => group.things.push(thing(item, declaration)),
            None => groups.push((item, group_of(item, declaration))),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn group_of(first: &HeldThing, declaration: Option<&DetailTypeDeclaration>) -> HeldGroup {
    let in_words = |action: &String| {
        let declared = declaration.and_then(|declared| declared.actions.iter().find(|found| found.name == *action));
        declared.map_or_else(|| action.clone(), |declared| declared.description.clone())
    };
    HeldGroup {
        title: declaration.map_or_else(|| first.detail.type_name.to_string(), |declared| declared.title.clone()),
        actions: first.detail.actions.iter().map(in_words).collect(),
        things: vec![thing(first, declaration)],
    }
}

/// A thing by the name its owner gave it when it was granted; where the resource could not say, by the name the client used.
fn thing(item: &HeldThing, declaration: Option<&DetailTypeDeclaration>) -> Thing {
    let title_of = |name: &String| {
        let declared = declaration.and_then(|declared| declared.fields.iter().find(|field| field.name == *name));
        declared.map_or_else(|| name.clone(), |declared| declared.title.clone())
    };
    let in_words = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields: Vec<String> =
        item.detail.fields.iter().map(|(name, value)| format!("{}: {}", title_of(name), in_words(value))).collect();
    let (title, subtitle) = match &item.thing {
        Some(thing) => (thing.title.as_str(), thing.subtitle.clone()),
        None => (item.detail.identifier.as_deref().unwrap_or(item.detail.type_name.as_str()), None),
    };
    let about: Vec<String> = subtitle.into_iter().chain(fields).collect();
    Thing {
        key: item.key.clone(),
        title: PlainText::new(title),
        subtitle: PlainText::new(&about.join(", ")),
        tick: Tick::On,
    }
}
