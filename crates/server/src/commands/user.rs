//! `grantd user …`

use grantd_protocol::changes::Change;
use grantd_protocol::names::{UserId, Username};
use grantd_protocol::records::{Revocation, Status, User};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::registration::{NewPassword, NewUser, PasswordPolicy, check_password};
use grantd_store::GrantsOf;
use grantd_tokens::{Secret, Time};
use serde_json::json;

use super::arguments::{PasswordArguments, UserCommand};
use super::client::status;
use super::console::{Console, Fields, Form, date};
use super::failure::Failure;
use super::grant::{EndedGrants, Ending};
use super::workplace::{Workplace, hash};
use crate::config::read_secret;
use crate::env::{self, OsRandom};

pub(super) async fn run(at: &Workplace, command: UserCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    match command {
        UserCommand::Add { username, name, id, password } => {
            let password = given_password(&password, console)?.map_or(NewPassword::Absent, NewPassword::Typed);
            add(at, NewUser { id, username, name, password }, console).await
        }
        UserCommand::List => {
            let users = at.users().await?.iter().map(describe).collect();
            console.list(users, &["username", "name", "id", "status"], "no users; add one with `grantd user add`")
        }
        UserCommand::Show { username } => console.show(describe(&find(at, username).await?)),
        UserCommand::Remove { username } => remove(at, username, console).await,
        UserCommand::SetPassword { username, password } => set_password(at, username, &password, console).await,
        UserCommand::Disable { username } => set_status(at, username, Status::Disabled, console).await,
        UserCommand::Enable { username } => set_status(at, username, Status::Active, console).await,
    }
}

async fn add(at: &Workplace, new: NewUser, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut existing = Vec::new();
    for name in new.claimed_names() {
        existing.extend(at.store.user(at.issuer(), &UserId::new(&name)).await?);
        if let Some(username) = Username::parse(&name) {
            existing.extend(at.store.user_by_username(at.issuer(), &username).await?);
        }
    }
    let checked = new.check(at.password_policy(), &existing).map_err(Failure::Refused)?;
    note_short_password(at, checked.typed_password(), console);
    let hash = match checked.typed_password() {
        Some(password) => Some(hash(password).await?),
        None => None,
    };
    let user = checked.add(hash, env::now(), &mut OsRandom);
    at.commit(vec![Change::AddUser { user: user.clone(), or: Refusal::NameTaken }]).await?;
    if user.password.is_none() {
        console.note("without a password this user cannot sign in; give them one with `grantd user set-password`");
    }
    console.show(describe(&user))
}

async fn set_password(
    at: &Workplace,
    username: String,
    arguments: &PasswordArguments,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let Some(typed) = given_password(arguments, console)? else {
        return Err(Failure::Usage("give the password with --password-stdin or --password-file FILE".to_owned()));
    };
    let user = find(at, username).await?;
    let password =
        check_password(&typed, &user.username, at.password_policy()).map_err(|fault| Failure::Refused(vec![fault]))?;
    note_short_password(at, Some(&password), console);
    let (password, now) = (hash(&password).await?, env::now());
    let ended = ended_by(at, &user, Change::SetPassword { user: user.id.clone(), password, at: now }, now).await?;
    done("password_set", &user.username, "has a new password; sessions have ended", Some(&ended), console)
}

async fn set_status(at: &Workplace, username: String, to: Status, console: &mut Console<'_>) -> Result<(), Failure> {
    let user = find(at, username).await?;
    let now = env::now();
    let change = Change::SetUserStatus { user: user.id.clone(), status: to, at: now };
    match to {
        Status::Active => {
            at.commit(vec![change]).await?;
            done("enabled", &user.username, "may sign in again", None, console)
        }
        Status::Disabled => {
            let ended = ended_by(at, &user, change, now).await?;
            done("disabled", &user.username, "is locked out; sessions have ended", Some(&ended), console)
        }
    }
}

async fn remove(at: &Workplace, username: String, console: &mut Console<'_>) -> Result<(), Failure> {
    let user = find(at, username).await?;
    let now = env::now();
    let ended = ended_by(at, &user, Change::RemoveUser { user: user.id.clone(), at: now }, now).await?;
    if at.config.declared.users.iter().any(|declared| *declared.username() == user.username) {
        console.note("this user is declared in the configuration, which adds them again at the next start");
    }
    done("removed", &user.username, "is removed; sessions have ended", Some(&ended), console)
}

/// Writes the change. Gives the grants that ended in it.
async fn ended_by(at: &Workplace, user: &User, change: Change, now: Time) -> Result<EndedGrants, Failure> {
    let of = GrantsOf::User(user.id.clone());
    EndedGrants::by(change, Ending { of, moment: now, because: Revocation::CredentialsChanged }, at).await
}

fn done(
    what: &str,
    username: &Username,
    in_words: &str,
    ended: Option<&EndedGrants>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    console.print(|output, form| match (form, ended) {
        (Form::Json, None) => writeln!(output, "{}", json!({ what: username.as_str() })),
        (Form::Json, Some(ended)) => {
            writeln!(output, "{}", json!({ what: username.as_str(), "ended": ended.json() }))
        }
        (Form::Human, None) => writeln!(output, "{username} {in_words}"),
        (Form::Human, Some(ended)) => writeln!(output, "{username} {in_words}; {}", ended.in_words()),
    })
}

fn given_password(arguments: &PasswordArguments, console: &mut Console<'_>) -> Result<Option<Secret>, Failure> {
    match &arguments.password_file {
        Some(path) => read_secret(path).map(Some).map_err(Failure::SecretFile),
        None if arguments.password_stdin => console.read_secret().map(Some),
        None => Ok(None),
    }
}

/// LOGIN-02: what development lets pass is said loudly.
fn note_short_password(at: &Workplace, password: Option<&Secret>, console: &mut Console<'_>) {
    let needed = PasswordPolicy::OnlyFactor.min_chars();
    let chars = password.map_or(needed, |password| password.expose().chars().count());
    if at.password_policy() == PasswordPolicy::Development && chars < needed {
        console.note(&format!("this password has {chars} characters; outside of --dev at least {needed} are needed"));
    }
}

async fn find(at: &Workplace, username: String) -> Result<User, Failure> {
    let user = match Username::parse(&username) {
        Some(stored) => at.store.user_by_username(at.issuer(), &stored).await?,
        None => None,
    };
    user.ok_or(Failure::Absent { what: "user", id: username })
}

/// Everything but the hash of the password.
fn describe(user: &User) -> Fields {
    Fields::default()
        .with("username", user.username.as_str())
        .with("name", user.name.clone())
        .with("id", user.id.as_str())
        .with("status", status(user.status))
        .with("password", if user.password.is_some() { "set" } else { "none" })
        .with("created_at", date(user.created_at))
}
