//! `grantd client …`

use grantd_protocol::changes::Change;
use grantd_protocol::names::ClientId;
use grantd_protocol::records::{Client, ClientAuthentication, RedirectUriAtToken, Revocation, Status};
use grantd_protocol::registration::{ClientRules, NewClient, NewSecret, RegisteredClient, check_secret, rotate_secret};
use grantd_store::GrantsOf;
use grantd_tokens::{Algorithm, Seconds, Secret};
use serde_json::{Value, json};

use super::arguments::{ClientCommand, NewClientArguments, SecretArguments};
use super::console::{Console, Fields, Form, date};
use super::failure::Failure;
use super::grant::{EndedGrants, Ending};
use super::workplace::Workplace;
use crate::config::read_secret;
use crate::env::{self, OsRandom};

pub(super) async fn run(at: &Workplace, command: ClientCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    match command {
        ClientCommand::Add(arguments) => add(at, *arguments, console).await,
        ClientCommand::List => {
            let clients = at.clients().await?.iter().map(|client| describe(client, None)).collect();
            console.list(
                clients,
                &["client_id", "name", "kind", "status"],
                "no clients; add one with `grantd client add`",
            )
        }
        ClientCommand::Show { id } => console.show(describe(&find(at, id).await?, None)),
        ClientCommand::Remove { id } => remove(at, id, console).await,
        ClientCommand::Disable { id } => set_status(at, id, Status::Disabled, console).await,
        ClientCommand::Enable { id } => set_status(at, id, Status::Active, console).await,
        ClientCommand::RotateSecret { id, now } => {
            let grace = if now { Seconds(0) } else { at.config.settings.lifetimes.replaced_secret };
            rotate(at, id, grace, console).await
        }
    }
}

async fn add(at: &Workplace, arguments: NewClientArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let secret = given_secret(&arguments.secret, console)?;
    let new = described(arguments, secret);
    let resources = at.resources().await?;
    let rules = ClientRules { resources: &resources, loopback_http: at.loopback_http() };
    let checked = new.check(rules).map_err(Failure::Refused)?;
    if let Some(id) = checked.id()
        && at.store.client(at.issuer(), id).await?.is_some()
    {
        let why = format!("there is a client {:?} already", id.as_str());
        let fix = format!("choose another --id, or run `grantd client remove {id}` first");
        return Err(Failure::InTheWay { why, fix });
    }
    let RegisteredClient { client, secret, notes } = checked.register(env::now(), &mut OsRandom);
    at.commit(vec![Change::PutClient(client.clone())]).await?;
    for note in &notes {
        console.note(note);
    }
    note_if_declared(at, &client.id, console);
    console.show(describe(&client, secret.as_ref()))?;
    say_that_it_is_shown_once(secret.as_ref(), console);
    Ok(())
}

fn given_secret(arguments: &SecretArguments, console: &mut Console<'_>) -> Result<NewSecret, Failure> {
    let secret = match &arguments.secret_file {
        Some(path) => read_secret(path).map_err(Failure::SecretFile)?,
        None if arguments.secret_stdin => console.read_secret()?,
        None => return Ok(NewSecret::Generated),
    };
    check_secret(&secret).map(NewSecret::Hashed).map_err(|fault| Failure::Refused(vec![fault]))
}

fn described(arguments: NewClientArguments, secret: NewSecret) -> NewClient {
    // A list that nobody wrote is left to its default.
    let said = |list: Vec<String>| (!list.is_empty()).then_some(list);
    NewClient {
        id: arguments.id,
        name: arguments.name,
        kind: arguments.kind,
        token_endpoint_auth_method: arguments.auth_method,
        secret,
        redirect_uris: arguments.redirect_uri,
        grant_types: said(arguments.grant_type),
        resources: said(arguments.resource),
        introspects: arguments.introspects,
        scopes: said(arguments.scope),
        default_scopes: arguments.default_scope,
        authorization_details_types: said(arguments.details_type),
        access_token_algorithm: arguments.access_token_algorithm,
        homepage: arguments.homepage,
        redirect_uri_at_token: if arguments.require_redirect_uri_at_token {
            RedirectUriAtToken::Required
        } else {
            RedirectUriAtToken::Optional
        },
    }
}

async fn remove(at: &Workplace, id: String, console: &mut Console<'_>) -> Result<(), Failure> {
    let client = find(at, id).await?;
    let now = env::now();
    let ending = Ending { of: GrantsOf::Client(client.id.clone()), moment: now, because: Revocation::ClientRemoved };
    let ended = EndedGrants::by(Change::RemoveClient { client: client.id.clone(), at: now }, ending, at).await?;
    note_if_declared(at, &client.id, console);
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", json!({ "removed": client.id.as_str(), "ended": ended.json() })),
        Form::Human => writeln!(output, "removed {}; {}", client.id, ended.in_words()),
    })
}

async fn set_status(at: &Workplace, id: String, status: Status, console: &mut Console<'_>) -> Result<(), Failure> {
    let client = find(at, id).await?;
    let now = env::now();
    let change = Change::SetClientStatus { client: client.id.clone(), status, at: now };
    if status == Status::Active {
        at.commit(vec![change]).await?;
        return console.show(describe(&find(at, client.id.as_str().to_owned()).await?, None));
    }
    let ending = Ending { of: GrantsOf::Client(client.id.clone()), moment: now, because: Revocation::ClientDisabled };
    let ended = EndedGrants::by(change, ending, at).await?;
    console.note(&format!("every token that it holds for itself has ended; {}", ended.in_words()));
    let shown = describe(&find(at, client.id.as_str().to_owned()).await?, None);
    console.show(shown.with("ended", ended.json()))
}

async fn rotate(at: &Workplace, id: String, grace: Seconds, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut client = find(at, id).await?;
    let Some(secret) = rotate_secret(&mut client, env::now(), grace, &mut OsRandom) else {
        let why = format!("the client {:?} is public: it has no secret", client.id.as_str());
        let fix = "nothing to do; PKCE protects its codes".to_owned();
        return Err(Failure::InTheWay { why, fix });
    };
    at.commit(vec![Change::PutClient(client.clone())]).await?;
    // Two at once would each replace what the other wrote: a secret that was not kept must not be handed out.
    if find(at, client.id.as_str().to_owned()).await?.authentication != client.authentication {
        return Err(Failure::Raced);
    }
    note_if_declared(at, &client.id, console);
    console.show(identity(&client, Some(&secret)).with("secrets", secrets(&client)))?;
    say_that_it_is_shown_once(Some(&secret), console);
    Ok(())
}

async fn find(at: &Workplace, id: String) -> Result<Client, Failure> {
    let client = at.store.client(at.issuer(), &ClientId::new(&id)).await?;
    client.ok_or(Failure::Absent { what: "client", id })
}

fn identity(client: &Client, secret: Option<&Secret>) -> Fields {
    let fields = Fields::default().with("client_id", client.id.as_str());
    match secret {
        Some(secret) => fields.with("client_secret", secret.expose()),
        None => fields,
    }
}

/// ADMIN-04.
fn say_that_it_is_shown_once(secret: Option<&Secret>, console: &mut Console<'_>) {
    if secret.is_some() {
        console.note("client_secret is shown this once; only its hash is kept");
    }
}

fn note_if_declared(at: &Workplace, id: &ClientId, console: &mut Console<'_>) {
    if at.config.declared.clients.iter().any(|declared| declared.id() == Some(id)) {
        console.note(
            "this client is declared in the configuration, which puts its own description in place at the next start",
        );
    }
}

/// Everything but what is kept of its secrets; the secret itself only in the moment it is made.
fn describe(client: &Client, secret: Option<&Secret>) -> Fields {
    identity(client, secret)
        .with("name", client.name.as_str())
        .with("kind", client.kind.as_str())
        .with("token_endpoint_auth_method", client.authentication.method())
        .with_all("redirect_uris", &client.redirect_uris)
        .with_all("grant_types", client.grant_types.iter().map(|grant_type| grant_type.as_str()))
        .with_all("resources", &client.resources)
        .with_all("introspects", &client.introspects)
        .with_all("scopes", &client.scopes)
        .with_all("default_scopes", &client.default_scopes)
        .with_all("authorization_details_types", &client.detail_types)
        .with("access_token_algorithm", client.access_token_algorithm.map(Algorithm::name))
        .with(
            "redirect_uri_at_token",
            match client.redirect_uri_at_token {
                RedirectUriAtToken::Optional => "optional",
                RedirectUriAtToken::Required => "required",
            },
        )
        .with("homepage", client.homepage.clone())
        .with("status", status(client.status))
        .with("registered_at", date(client.registered_at))
        .with("secrets", secrets(client))
}

/// How many there are, and when they end; never a hash.
fn secrets(client: &Client) -> Value {
    match &client.authentication {
        ClientAuthentication::None => json!([]),
        ClientAuthentication::ClientSecretBasic { secrets } | ClientAuthentication::ClientSecretPost { secrets } => {
            let one = |end: Option<_>| json!({ "expires_at": end.map_or_else(|| "never".to_owned(), date) });
            secrets.iter().map(|secret| one(secret.expires_at)).collect()
        }
    }
}

/// As it is written in answers.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Disabled => "disabled",
    }
}
