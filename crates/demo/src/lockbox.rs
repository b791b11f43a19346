//! The lockbox API: the storage of the post office. Knows people by their subject, and clients by nothing but the key they bring. It asks
//! nobody about a key, and follows grantd's list of what has ended.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use grantd_resource::{Access, ConfigurationFault, Following, Guard, Refusal, Seconds};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::addresses::Addresses;
use crate::cors;
use crate::declarations::{FEED_SECONDS, LIST_BOXES, LOCKBOX};
use crate::people::{Lockbox, by_subject};

/// The scope of the token with which grantd asks which things a person has. No client can be given it.
const ASK_FOR_THINGS: &str = "grantd:things";

/// The whole API, closed to whoever has no good token for it.
pub(crate) fn router(issuer: &str, addresses: &Addresses) -> Result<Router, ConfigurationFault> {
    let guard = Guard::builder(issuer, &addresses.lockbox_resource())
        .name("Post office")
        .scopes([LIST_BOXES])
        .details_types([LOCKBOX])
        .follow_revocations(Following::every(Seconds(FEED_SECONDS.into())))
        .development()
        .build()?;
    let browser_app: Arc<str> = addresses.browser.as_str().into();
    let router = Router::new()
        .route("/boxes", get(list))
        .route("/boxes/{identifier}", get(read))
        .route("/boxes/{identifier}/collect", post(collect))
        .route("/things", get(things))
        .with_state(Storage::default())
        .layer(guard.layer())
        .merge(guard.metadata_routes())
        .layer(from_fn_with_state(browser_app, cors::let_in));
    Ok(router)
}

/// Which boxes have been emptied, by owner. The rest never changes.
#[derive(Clone, Default)]
struct Storage(Arc<Mutex<HashSet<(String, String)>>>);

impl Storage {
    fn is_emptied(&self, owner: &str, identifier: &str) -> bool {
        let emptied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        emptied.contains(&(owner.to_owned(), identifier.to_owned()))
    }

    fn empty(&self, owner: &str, identifier: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((owner.to_owned(), identifier.to_owned()));
    }
}

/// Why nothing was handed out.
enum Closed {
    /// The key does not fit.
    Refused(Refusal),
    /// The key fits, but there is no such box.
    NoSuchBox,
}

impl From<Refusal> for Closed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Closed {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::NoSuchBox => (StatusCode::NOT_FOUND, Json(json!({ "error": "no_such_box" }))).into_response(),
        }
    }
}

/// Which boxes the person has, not what is in them.
async fn list(access: Access) -> Result<Response, Refusal> {
    access.require_scope(LIST_BOXES)?;
    let boxes: Vec<_> = owned(&access).iter().map(described).collect();
    Ok(Json(json!({ "boxes": boxes })).into_response())
}

/// The letters of one box, for a key that was cut for exactly this box.
async fn read(
    access: Access,
    State(storage): State<Storage>,
    Path(identifier): Path<String>,
) -> Result<Response, Closed> {
    let lockbox = unlock(&access, &identifier, Action::Read)?;
    Ok(contents(&storage, &access, lockbox).into_response())
}

/// The letters of one box, which is empty afterwards.
async fn collect(
    access: Access,
    State(storage): State<Storage>,
    Path(identifier): Path<String>,
) -> Result<Response, Closed> {
    let lockbox = unlock(&access, &identifier, Action::Collect)?;
    let letters = contents(&storage, &access, lockbox);
    storage.empty(access.subject(), lockbox.identifier);
    Ok(letters.into_response())
}

#[derive(Deserialize)]
struct ThingsQuery {
    r#type: String,
}

/// Answers grantd, which asks on behalf of the person whose token it brings: which things can be chosen from?
async fn things(access: Access, Query(query): Query<ThingsQuery>) -> Result<Response, Refusal> {
    access.require_scope(ASK_FOR_THINGS)?;
    let boxes: Vec<_> = match query.r#type.as_str() {
        LOCKBOX => owned(&access).iter().map(described).collect(),
        _ => Vec::new(),
    };
    Ok(Json(json!({ "things": boxes })).into_response())
}

/// One of the `authorization_details` of a token (RFC 9396).
#[derive(Deserialize)]
struct LockboxDetail {
    identifier: String,
    actions: Vec<Action>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Read,
    Collect,
}

/// The box, if it is the person's own and the token names it with this action. First the key, then the box: who has no key does
/// not learn which boxes there are.
fn unlock(access: &Access, identifier: &str, action: Action) -> Result<&'static Lockbox, Closed> {
    let details: Vec<LockboxDetail> = access.details(LOCKBOX)?;
    let fits = details.iter().any(|detail| detail.identifier == identifier && detail.actions.contains(&action));
    if !fits {
        return Err(access.forbid(format!("this token opens {}, and not this box", opened_by(&details))).into());
    }
    owned(access).iter().find(|lockbox| lockbox.identifier == identifier).ok_or(Closed::NoSuchBox)
}

fn opened_by(details: &[LockboxDetail]) -> String {
    let names: Vec<&str> = details.iter().map(|detail| detail.identifier.as_str()).collect();
    if names.is_empty() { "no box".to_owned() } else { names.join(", ") }
}

fn owned(access: &Access) -> &'static [Lockbox] {
    by_subject(access.subject()).map_or(&[], |person| person.boxes)
}

fn described(lockbox: &Lockbox) -> serde_json::Value {
    json!({ "identifier": lockbox.identifier, "title": lockbox.title, "subtitle": lockbox.subtitle })
}

fn contents(storage: &Storage, access: &Access, lockbox: &Lockbox) -> Json<serde_json::Value> {
    let letters = if storage.is_emptied(access.subject(), lockbox.identifier) { &[] } else { lockbox.letters };
    Json(json!({ "identifier": lockbox.identifier, "title": lockbox.title, "letters": letters }))
}
