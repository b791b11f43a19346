//! What stands in the configuration, put in place at start: resources and clients each time, users once.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::Source;
use grantd_protocol::records::PasswordHash;
use grantd_protocol::refusals::Refusal;
use grantd_protocol::registration::CheckedUser;
use grantd_tokens::Random as _;

use crate::app::{App, Fault};
use crate::config::Declared;
use crate::env::{self, OsRandom};
use crate::events::{tell_recorded, with_events};

/// Writes what was declared, as far as it differs from what is there. A client that was registered before keeps the time of that,
/// and stays switched off if it was; a user who is there already keeps their password.
pub async fn declare(app: &App, declared: Declared) -> Result<(), Fault> {
    let issuer = &app.settings.issuer;
    let mut changes: Vec<Change> = declared.resources.into_iter().map(Change::PutResource).collect();
    for checked in declared.clients {
        let mut registered = checked.register(env::now(), &mut OsRandom).client;
        if let Some(before) = app.store.client(issuer, &registered.id).await? {
            registered.registered_at = before.registered_at;
            registered.status = before.status;
        }
        changes.push(Change::PutClient(registered));
    }
    let changes = with_events(&app.store, issuer, changes, Source::Configuration).await?;
    if !changes.is_empty() {
        app.store.commit(issuer, changes.clone()).await?;
        tell_recorded(&changes);
    }
    for checked in declared.users {
        add_once(app, checked).await?;
    }
    Ok(())
}

/// A user by themselves: one who cannot be added must not keep a client from being changed.
async fn add_once(app: &App, checked: CheckedUser) -> Result<(), Fault> {
    let issuer = &app.settings.issuer;
    if app.store.user_by_username(issuer, checked.username()).await?.is_some() {
        return Ok(());
    }
    let hash = match checked.typed_password() {
        Some(password) => {
            let mut salt = [0_u8; 16];
            OsRandom.fill(&mut salt);
            Some(PasswordHash::new(app.passwords.hash(password.expose(), salt).await?))
        }
        None => None,
    };
    let user = checked.add(hash, env::now(), &mut OsRandom);
    let id = user.id.clone();
    let add = vec![Change::AddUser { user, or: Refusal::NameTaken }];
    let changes = with_events(&app.store, issuer, add, Source::Configuration).await?;
    let added = app.store.commit(issuer, changes.clone()).await?;
    if added == Commit::Done {
        tell_recorded(&changes);
    } else {
        // Another node was first; or the id is declared that somebody of another name has.
        tracing::warn!(id = id.as_str(), "a declared user was not added: that username or id is taken");
    }
    Ok(())
}
