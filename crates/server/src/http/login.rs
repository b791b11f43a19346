//! `GET` and `POST /login`: the sign-in page. The rules are in `grantd_protocol::login`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use grantd_protocol::forms::Purpose;
use grantd_protocol::login::{Admission, Admitted, Credential, PasswordProof, SignIn};
use grantd_protocol::names::{Username, opaque_password};
use grantd_protocol::parameters::Parameters;
use grantd_protocol::records::{Client, PasswordHash, PendingRequest};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::{Random as _, Secret};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};

use super::account;
use super::answer::{answer_to_of, client_name, fault, page, redirect_source, refused, see_other};
use super::authorize::go;
use super::cookies::{Cookie, CookieKind};
use super::form::Form;
use super::visit::Visit;
use crate::app::{App, Fault, Shared};
use crate::env::OsRandom;
use crate::pages::{Asking, Lasting, Login, LoginProblem};
use crate::password::{HashAge, Verification};
use crate::run::run;

type Waiting = Option<Box<(PendingRequest, Client)>>;

/// The page.
pub async fn get(State(app): State<Shared>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let visit = visit.about(handle_in(query.as_deref()).as_deref());
    match run(&app, &Admission::Show(visit.browser.clone())).await {
        Ok(Ok(Admitted::Page(waiting))) => show(&app, visit, &waiting, "", LoginProblem::None),
        Ok(Ok(_)) => match &visit.browser.handle {
            Some(handle) => see_other(&format!("{}?request={}", app.path("/consent"), handle.expose())),
            None => see_other(&app.path(account::PATH)),
        },
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// An attempt: counted first, then compared, then decided (LOGIN-04).
pub async fn post(State(app): State<Shared>, visit: Visit, form: Form) -> Response {
    let visit = visit.about(form.get("request"));
    let typed = form.get("username").unwrap_or_default();
    let (username, password) = (Username::parse(typed), form.get("password").unwrap_or_default());
    let admission = Admission::Try {
        browser: visit.browser.clone(),
        token: form.token(),
        origin: visit.origin,
        username: username.clone(),
        network: visit.network.clone(),
    };
    let credential = match run(&app, &admission).await {
        Ok(Ok(Admitted::Attempt(credential))) => credential,
        Ok(Ok(_)) => return see_other(&app.path(account::PATH)),
        Ok(Err(no)) if no.refusal == Refusal::SignInThrottled => return Box::pin(throttled(&app, visit, typed)).await,
        Ok(Err(no)) => return refused(&no, visit.chrome),
        Err(trouble) => return fault(&trouble, visit.chrome),
    };
    let proof = match Box::pin(compare(&app, credential, password)).await {
        Ok(proof) => proof,
        Err(trouble) => return fault(&trouble, visit.chrome),
    };
    let sign_in = SignIn {
        browser: visit.browser.clone(),
        token: form.token(),
        origin: visit.origin,
        username,
        network: visit.network.clone(),
        proof,
    };
    match run(&app, &sign_in).await {
        Ok(Ok(signed_in)) => {
            let mut response = match signed_in.step {
                Some(step) => go(&app, step, visit.browser.handle.as_ref()),
                // Nobody asked for anything: the one page for which people sign in by themselves.
                None => see_other(&app.path(account::PATH)),
            };
            let cookie = Cookie::new(CookieKind::Session, signed_in.session);
            response.headers_mut().append(SET_COOKIE, cookie.to_header(app.transport));
            response
        }
        Ok(Err(no)) if no.refusal == Refusal::SignInFailed => {
            Box::pin(again(&app, visit, typed, problem_of(typed, password))).await
        }
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// The slow comparison, in its pool. An unknown user takes as long as a wrong password (LOGIN-01).
async fn compare(app: &App, credential: Option<Credential>, typed: &str) -> Result<Option<PasswordProof>, Fault> {
    // A password that no profile allows can fit nothing; the time is spent all the same.
    let password = opaque_password(typed);
    let phc = credential.as_ref().filter(|_| password.is_some()).map(|credential| credential.password.expose());
    let verification = app.passwords.verify(phc, password.as_deref().unwrap_or_default()).await?;
    let (Some(credential), Some(password), Verification::Correct(age)) = (credential, password, verification) else {
        return Ok(None);
    };
    let rehashed = match age {
        HashAge::Current => None,
        HashAge::NeedsRehash => {
            let mut salt = [0_u8; 16];
            OsRandom.fill(&mut salt);
            Some(PasswordHash::new(app.passwords.hash(&password, salt).await?))
        }
    };
    Ok(Some(PasswordProof { credential, rehashed }))
}

/// The page once more, with what was wrong. The same for unknown, wrong, disabled (LOGIN-01).
async fn again(app: &App, visit: Visit, typed: &str, problem: LoginProblem) -> Response {
    match run(app, &Admission::Show(visit.browser.clone())).await {
        Ok(Ok(Admitted::Page(waiting))) => show(app, visit, &waiting, typed, problem),
        Ok(Ok(_)) => show(app, visit, &None, typed, problem),
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

async fn throttled(app: &App, visit: Visit, typed: &str) -> Response {
    let window = u64::try_from(app.settings.limits.attempt_window.0).unwrap_or(60);
    let mut response = again(app, visit, typed, LoginProblem::Throttled { wait: Lasting(window) }).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(window));
    response
}

fn problem_of(username: &str, password: &str) -> LoginProblem {
    match (username.is_empty(), password.is_empty()) {
        (true, true) => LoginProblem::BothMissing,
        (true, false) => LoginProblem::UsernameMissing,
        (false, true) => LoginProblem::PasswordMissing,
        (false, false) => LoginProblem::NotAccepted,
    }
}

/// The form needs an interaction cookie; a browser that has none is given one with the page (SESS-06).
fn show(app: &App, mut visit: Visit, waiting: &Waiting, typed: &str, problem: LoginProblem) -> Response {
    let made = visit.browser.browser.is_none().then(|| Secret::random(&mut OsRandom));
    if let Some(made) = &made {
        visit.browser.browser = Some(made.clone());
    }
    let template = Login {
        chrome: visit.chrome,
        action: app.path("/login"),
        request: visit.browser.handle.as_ref().map(|handle| handle.expose().to_owned()).unwrap_or_default(),
        csrf: visit.browser.form_token(Purpose::SignIn).map(|token| token.expose().to_owned()).unwrap_or_default(),
        username: typed.chars().take(MAX_SHOWN_USERNAME).collect(),
        problem,
        asking: waiting
            .as_ref()
            .map(|waiting| Asking { client_name: client_name(&waiting.1), answer_to: answer_to_of(&waiting.0) }),
    };
    // Stored consent can make the answer follow at once, so this form, too, may lead to the client (SESS-07).
    let mut response =
        page(StatusCode::OK, &template, waiting.as_ref().and_then(|waiting| redirect_source(&waiting.0)));
    if let Some(made) = made {
        let cookie = Cookie::new(CookieKind::Interaction, made);
        response.headers_mut().append(SET_COOKIE, cookie.to_header(app.transport));
    }
    response
}

const MAX_SHOWN_USERNAME: usize = 256;

/// The handle in a page's address.
pub fn handle_in(query: Option<&str>) -> Option<String> {
    let parameters = Parameters::parse(query?.as_bytes(), MAX_HANDLE_BYTES).ok()?;
    parameters.get("request").map(str::to_owned)
}

const MAX_HANDLE_BYTES: usize = 256;
