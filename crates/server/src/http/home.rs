//! `/` and `/logout`: who is signed in here, and the way out.

use axum::extract::State;
use axum::response::Response;
use grantd_protocol::forms::Purpose;
use grantd_protocol::login::{SessionUse, SignOut};
use grantd_protocol::records::User;
use http::StatusCode;
use http::header::SET_COOKIE;

use super::account;
use super::answer::{fault, page, refused, see_other};
use super::cookies::{Cookie, CookieKind};
use super::form::Form;
use super::visit::Visit;
use crate::app::{App, Fault, Shared};
use crate::pages::{Home, LogoutConfirm, Notice, SignedIn};
use crate::run::run;

/// What this is, and who is signed in.
pub async fn get(State(app): State<Shared>, visit: Visit) -> Response {
    match signed_in(&app, &visit).await {
        Ok(signed_in) => {
            page(StatusCode::OK, &Home { chrome: visit.chrome, signed_in, access: app.path(account::PATH) }, None)
        }
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// The question before signing out: a link alone signs nobody out.
pub async fn confirm(State(app): State<Shared>, visit: Visit) -> Response {
    match signed_in(&app, &visit).await {
        Ok(Some(signed_in)) => {
            let access = app.path(account::PATH);
            page(StatusCode::OK, &LogoutConfirm { chrome: visit.chrome, signed_in, access }, None)
        }
        Ok(None) => page(StatusCode::OK, &Notice::signed_out(visit.chrome), None),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

/// Signs out.
pub async fn sign_out(State(app): State<Shared>, visit: Visit, form: Form) -> Response {
    let request = SignOut { browser: visit.browser.clone(), token: form.token(), origin: visit.origin };
    match run(&app, &request).await {
        Ok(Ok(())) => {
            let mut response = see_other(&app.path("/logout"));
            let removal = Cookie::removal(CookieKind::Session);
            response.headers_mut().append(SET_COOKIE, removal.to_header(app.transport));
            response
        }
        Ok(Err(no)) => refused(&no, visit.chrome),
        Err(trouble) => fault(&trouble, visit.chrome),
    }
}

async fn signed_in(app: &App, visit: &Visit) -> Result<Option<SignedIn>, Fault> {
    let user = run(app, &SessionUse { browser: visit.browser.clone() }).await?.ok().flatten();
    // Without an interaction cookie there is no form that could be genuine; signing in has always set one.
    let csrf = visit.browser.form_token(Purpose::SignOut);
    let described = |user: User| user.name.unwrap_or_else(|| user.username.as_str().to_owned());
    Ok(user.zip(csrf).map(|(user, csrf)| SignedIn {
        account: described(user),
        sign_out_action: app.path("/logout"),
        csrf: csrf.expose().to_owned(),
    }))
}
