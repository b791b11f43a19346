//! `grantd resource …`

use grantd_protocol::changes::Change;
use grantd_protocol::names::ResourceId;
use grantd_protocol::records::{FieldKind, Resource};
use grantd_protocol::registration::{NewResource, NewScope, ResourceRules};
use serde_json::{Value, json};

use super::arguments::{NewResourceArguments, ResourceCommand};
use super::client::status;
use super::console::{Console, Fields, Form};
use super::failure::Failure;
use super::workplace::Workplace;
use crate::config::{DeclaredResource, read_resources};

pub(super) async fn run(at: &Workplace, command: ResourceCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    match command {
        ResourceCommand::Add(arguments) => add(at, arguments, console).await,
        ResourceCommand::List => {
            let resources = at.resources().await?.iter().map(describe).collect();
            console.list(resources, COLUMNS, "no resources; add one with `grantd resource add`")
        }
        ResourceCommand::Show { id } => console.show(describe(&find(at, id).await?)),
        ResourceCommand::Remove { id } => remove(at, id, console).await,
    }
}

async fn add(at: &Workplace, arguments: NewResourceArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let known = at.resources().await?;
    let mut others = known.clone();
    let mut added = Vec::new();
    for declared in described(arguments)? {
        let rules = ResourceRules { others: &others, loopback_http: at.loopback_http() };
        let resource = match &declared {
            Described::InWords(new) => new.check(rules).map_err(Failure::Refused)?,
            Described::InAFile(declared) => declared.check(rules)?,
        };
        others.retain(|other| other.id != resource.id);
        others.push(resource.clone());
        added.push(resource);
    }
    at.commit(added.iter().cloned().map(Change::PutResource).collect()).await?;
    for resource in &added {
        if known.iter().any(|before| before.id == resource.id) {
            console.note(&format!("{} was there before, and is now described like this", resource.id));
        }
        note_if_declared(at, &resource.id, console);
    }
    match added.as_slice() {
        [only] => console.show(describe(only)),
        several => console.list(several.iter().map(describe).collect(), COLUMNS, "none"),
    }
}

/// One that was written on the command line, or one of a file, whose faults have places.
enum Described {
    InWords(NewResource),
    InAFile(DeclaredResource),
}

fn described(arguments: NewResourceArguments) -> Result<Vec<Described>, Failure> {
    if let Some(path) = arguments.from {
        return Ok(read_resources(&path)?.into_iter().map(Described::InAFile).collect());
    }
    let scope = |(name, description)| NewScope { name, description };
    Ok(vec![Described::InWords(NewResource {
        id: arguments.id.unwrap_or_default(),
        name: arguments.name.unwrap_or_default(),
        scopes: arguments.scope.into_iter().map(scope).collect(),
        detail_types: Vec::new(),
        access_token_lifetime: arguments.access_token_lifetime,
        access_token_format: arguments.access_tokens,
    })])
}

async fn remove(at: &Workplace, id: String, console: &mut Console<'_>) -> Result<(), Failure> {
    let resource = find(at, id).await?;
    at.commit(vec![Change::RemoveResource { resource: resource.id.clone() }]).await?;
    let clients = at.clients().await?;
    let naming: Vec<&str> = clients
        .iter()
        .filter(|client| client.resources.contains(&resource.id) || client.introspects.contains(&resource.id))
        .map(|client| client.id.as_str())
        .collect();
    if !naming.is_empty() {
        console.note(&format!(
            "these clients named it, and get no token for it and no answer about it any more: {}",
            naming.join(", ")
        ));
    }
    note_if_declared(at, &resource.id, console);
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", json!({ "removed": resource.id.as_str() })),
        Form::Human => writeln!(output, "removed {}", resource.id),
    })
}

async fn find(at: &Workplace, id: String) -> Result<Resource, Failure> {
    let resource = at.store.resource(at.issuer(), &ResourceId::new(&id)).await?;
    resource.ok_or(Failure::Absent { what: "resource", id })
}

fn note_if_declared(at: &Workplace, id: &ResourceId, console: &mut Console<'_>) {
    if at.config.declared.resources.iter().any(|declared| declared.id == *id) {
        console.note(
            "this resource is declared in the configuration, which puts its own description in place at the next start",
        );
    }
}

fn describe(resource: &Resource) -> Fields {
    let scopes =
        resource.scopes.iter().map(|scope| json!({ "name": scope.name.as_str(), "description": scope.description }));
    let types = resource.detail_types.iter().map(|kind| {
        json!({
            "name": kind.name.as_str(),
            "title": kind.title,
            "things_endpoint": kind.things_endpoint,
            "actions": kind.actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>(),
            "fields": kind.fields.iter().map(|field| field_in_words(&field.name, &field.kind)).collect::<Vec<_>>(),
        })
    });
    Fields::default()
        .with("id", resource.id.as_str())
        .with("name", resource.name.as_str())
        .with("scopes", scopes.collect::<Value>())
        .with("authorization_details_types", types.collect::<Value>())
        .with("access_token_lifetime", resource.access_token_lifetime.map(|seconds| seconds.0))
        .with("access_token_format", resource.access_token_format.as_str())
        .with("status", status(resource.status))
}

fn field_in_words(name: &str, kind: &FieldKind) -> String {
    match kind {
        FieldKind::Text => format!("{name} (text)"),
        FieldKind::Number => format!("{name} (number)"),
        FieldKind::Flag => format!("{name} (flag)"),
        FieldKind::OneOf(choices) => format!("{name} (one of {})", choices.join(", ")),
    }
}

const COLUMNS: &[&str] = &["id", "name", "access_token_format", "status"];
