//! `GET` and `POST /consent`: the page on which a person decides. The rules are in `grantd_protocol::consent`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use grantd_protocol::authorize::{Page, Step};
use grantd_protocol::consent::{
    Answered, ConsentDecision, ConsentPage, Decided, DetailView, OfferedItem, ResourceView, Shown, Verdict, View,
};
use grantd_protocol::forms::Purpose;
use grantd_protocol::names::Scope;
use http::StatusCode;

use super::account;
use super::answer::{answer_to, client_name, fault, host_of, page, refused, see_other, unreadable};
use super::authorize::go;
use super::form::Form;
use super::headers::RedirectSource;
use super::login::handle_in;
use super::visit::Visit;
use crate::app::{App, Shared};
use crate::pages::{
    Assurance, Away, Consent, ConsentProblem, Lasting, PlainText, ResourceChoice, ScopeChoice, SwitchAccount, Thing,
    ThingGroup, Things, Tick,
};
use crate::run::run;

/// The page.
pub async fn get(State(app): State<Shared>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let visit = visit.about(handle_in(query.as_deref()).as_deref());
    show(&app, visit, ConsentProblem::None).await
}

/// The decision.
pub async fn post(State(app): State<Shared>, visit: Visit, form: Form) -> Response {
    let visit = visit.about(form.get("request"));
    let verdict = match form.get("decision") {
        Some("allow") => Verdict::Allow,
        Some("deny") => Verdict::Deny,
        Some("switch_account") => Verdict::SwitchAccount,
        _ => return unreadable(StatusCode::BAD_REQUEST, visit.chrome),
    };
    let mut scopes: Vec<Scope> = form.all("scope").iter().filter_map(|scope| Scope::parse(scope)).collect();
    if form.get("away").is_some() {
        scopes.push(Scope::offline_access());
    }
    let decision = ConsentDecision {
        browser: visit.browser.clone(),
        token: form.token(),
        origin: visit.origin,
        verdict,
        scopes,
        things: form.all("thing"),
    };
    let sign_in = Step::Show { page: Page::SignIn, handle: None, new_browser: None };
    match run(&app, &decision).await {
        Ok(Ok(Decided::Answer(response))) => see_other(&response.location()),
        Ok(Ok(Decided::NothingChosen)) => show(&app, visit, ConsentProblem::NothingTicked).await,
        Ok(Ok(Decided::SignInAgain | Decided::SessionOver)) => go(&app, sign_in, visit.browser.handle.as_ref()),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

async fn show(app: &App, visit: Visit, problem: ConsentProblem) -> Response {
    match run(app, &ConsentPage { browser: visit.browser.clone() }).await {
        Ok(Ok(Shown::Page(view))) => {
            let redirect = RedirectSource::of(view.redirect_uri.as_str());
            page(StatusCode::OK, &template(app, visit, &view, problem), redirect)
        }
        Ok(Ok(Shown::Elsewhere(step))) => go(app, step, visit.browser.handle.as_ref()),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

fn template(app: &App, visit: Visit, view: &View, problem: ConsentProblem) -> Consent {
    let lasts = |seconds: grantd_tokens::Seconds| Lasting(u64::try_from(seconds.0).unwrap_or_default());
    // Who ticked nothing finds nothing ticked: a second press of Allow must not share everything.
    let tick = match problem {
        ConsentProblem::None => Tick::On,
        ConsentProblem::NothingTicked => Tick::Off,
    };
    Consent {
        chrome: visit.chrome,
        access: app.path(account::PATH),
        action: app.path("/consent"),
        request: visit.browser.handle.as_ref().map(|handle| handle.expose().to_owned()).unwrap_or_default(),
        csrf: visit.browser.form_token(Purpose::Consent).map(|token| token.expose().to_owned()).unwrap_or_default(),
        client_name: client_name(&view.client),
        answer_to: answer_to(&view.destination),
        assurance: if view.assured { Assurance::Assured } else { Assurance::AnyProgram },
        account: view.user.name.clone().unwrap_or_else(|| view.user.username.as_str().to_owned()),
        switch_account: Some(SwitchAccount { action: app.path("/consent") }),
        problem,
        resources: view.resources.iter().map(|resource| resource_choice(resource, &view.resources, tick)).collect(),
        lasts: lasts(view.lasts_while_signed_in),
        away: match view.lasts_while_away {
            Some(away) => Away::Asked { lasts: lasts(away), tick },
            None => Away::NotAsked,
        },
    }
}

fn resource_choice(view: &ResourceView, all: &[ResourceView], tick: Tick) -> ResourceChoice {
    let declared = |scope: &Scope| {
        let found = view.resource.scopes.iter().find(|declared| declared.name == *scope);
        found.map_or_else(|| scope.to_string(), |declared| declared.description.clone())
    };
    ResourceChoice {
        name: view.resource.name.clone(),
        host: host_of(view.resource.id.as_str()),
        groups: view.details.iter().map(|detail| thing_group(detail, view, tick)).collect(),
        scopes: view
            .scopes
            .iter()
            .map(|scope| ScopeChoice {
                key: scope.to_string(),
                label: declared(scope),
                detail: elsewhere(scope, view, all),
                tick,
            })
            .collect(),
    }
}

/// A scope of one name that another resource defines as well is one choice, and is given there, too: the line says so, in that
/// resource's words (CONSENT-01, AT-05).
fn elsewhere(scope: &Scope, here: &ResourceView, all: &[ResourceView]) -> Option<String> {
    let others = all.iter().filter(|other| other.resource.id != here.resource.id);
    let lines: Vec<String> = others
        .filter_map(|other| {
            let declared = other.resource.scopes.iter().find(|declared| declared.name == *scope)?;
            Some(format!("Also at {}: {}.", other.resource.name, declared.description))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn thing_group(detail: &DetailView, view: &ResourceView, tick: Tick) -> ThingGroup {
    let declaration = view.resource.detail_type(&detail.asked.type_name);
    let title = declaration.map_or_else(|| detail.asked.type_name.to_string(), |declared| declared.title.clone());
    let in_words = |action: &String| {
        let declared = declaration.and_then(|declared| declared.actions.iter().find(|found| found.name == *action));
        declared.map_or_else(|| action.clone(), |declared| declared.description.clone())
    };
    ThingGroup {
        question: format!("{title}: which of them may it use?"),
        actions: detail.asked.actions.iter().map(in_words).collect(),
        things: match (detail.items.as_slice(), detail.things) {
            ([], Answered::No) => Things::NoAnswer,
            ([], Answered::Yes) => Things::NoneOwned,
            (items, _) => Things::Listed(items.iter().map(|item| thing(item, detail, tick)).collect()),
        },
    }
}

/// A thing by the name its owner gave it; where the resource could not say, by the name the client used.
fn thing(item: &OfferedItem, detail: &DetailView, tick: Tick) -> Thing {
    let (title, subtitle) = match &item.thing {
        Some(thing) => (thing.title.as_str(), thing.subtitle.as_deref().unwrap_or_default()),
        None => (item.detail.identifier.as_deref().unwrap_or(detail.asked.type_name.as_str()), ""),
    };
    Thing { key: item.key.clone(), title: PlainText::new(title), subtitle: PlainText::new(subtitle), tick }
}
