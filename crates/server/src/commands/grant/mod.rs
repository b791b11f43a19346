//! `grantd grant …`
//!
//! Which grants are meant is decided in `choice.rs`, how they are ended in `revoke.rs`, how they are shown in `words.rs`.

mod choice;
mod ended;
mod revoke;
mod words;

use std::io::ErrorKind;

use grantd_protocol::names::GrantId;
use grantd_protocol::records::Grant;
use grantd_store::Lineage;
use grantd_tokens::Time;

use super::arguments::{GrantCommand, GrantFilter, GrantStates};
use super::console::{Console, Fields, Form};
use super::failure::Failure;
use super::moment::Moment;
use super::workplace::Workplace;
use crate::env;
use crate::telemetry::{harmless, harmless_json};
use choice::Choice;

pub(super) use ended::{EndedGrants, Ending};
pub(super) use words::{Usernames, describe, detail_in_words, token_lines, tokens, why};

pub(super) async fn run(at: &Workplace, command: GrantCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    let now = env::now();
    let done = match command {
        GrantCommand::List { filter, states, limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            list(at, Choice::of(at, filter, states, now).await?, limit, now, console).await
        }
        GrantCommand::Show { id } => show(at, id, now, console).await,
        GrantCommand::Revoke { id, filter, yes, dry_run } => {
            let consent = match (yes, dry_run) {
                (_, true) => revoke::Consent::DryRun,
                (true, false) => revoke::Consent::Given,
                (false, false) => revoke::Consent::Asked,
            };
            revoke::run(at, id, filter, consent, console).await
        }
    };
    match done {
        // Whoever read has read enough: `grantd grant list | head`.
        Err(Failure::Output { source }) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn list(
    at: &Workplace,
    choice: Choice,
    limit: usize,
    now: Time,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (mut listing, mut pages) = (Listing::default(), choice.pages(at));
    let mut is_cut = false;
    while let Some(mut page) = pages.next().await? {
        let room = limit - listing.shown;
        is_cut = page.len() > room;
        page.truncate(room);
        listing.show(at, &page, now, console).await?;
        if is_cut {
            break;
        }
    }
    listing.end(console)?;
    if is_cut {
        console.note(&format!("there are more; these are the newest {limit}. --limit shows others"));
    }
    if listing.shown == 0 { choice.none_found() } else { Ok(()) }
}

/// A list that is written page by page.
#[derive(Default)]
struct Listing {
    shown: usize,
}

impl Listing {
    async fn show(
        &mut self,
        at: &Workplace,
        page: &[Grant],
        now: Time,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let names = Usernames::of(at, page).await?;
        let is_first = self.shown == 0;
        self.shown += page.len();
        console.print(|output, form| {
            if is_first && !page.is_empty() && form == Form::Human {
                writeln!(output, "{}", row(HEADING))?;
            }
            for (place, grant) in page.iter().enumerate() {
                let fields = describe(grant, &names, now);
                match form {
                    Form::Human => writeln!(output, "{}", harmless(&row(COLUMNS.map(|name| fields.in_words(name)))))?,
                    Form::Json => {
                        let before = if is_first && place == 0 { "[" } else { "," };
                        writeln!(output, "{before}{}", harmless_json(&fields.json().to_string()))?;
                    }
                }
            }
            Ok(())
        })
    }

    fn end(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        console.print(|output, form| match form {
            Form::Json if self.shown == 0 => writeln!(output, "[]"),
            Form::Json => writeln!(output, "]"),
            Form::Human if self.shown == 0 => writeln!(output, "no such grants"),
            Form::Human => Ok(()),
        })
    }
}

const COLUMNS: [&str; 7] = ["grant", "user", "client", "since", "last_used", "state", "resources"];
const HEADING: [&str; 7] = ["GRANT", "USER", "CLIENT", "SINCE", "LAST USED", "STATE", "RESOURCES"];

fn row<T: std::fmt::Display>([grant, user, client, since, last_used, state, resources]: [T; 7]) -> String {
    format!("{grant:43}  {user:12}  {client:16}  {since:20}  {last_used:20}  {state:8}  {resources}")
}

async fn show(at: &Workplace, id: String, now: Time, console: &mut Console<'_>) -> Result<(), Failure> {
    let lineage = find(at, id).await?;
    let names = Usernames::of(at, std::slice::from_ref(&lineage.grant)).await?;
    let fields = describe(&lineage.grant, &names, now);
    console.print(|output, form| match form {
        Form::Json => {
            let whole = fields.and(tokens(&lineage)).json();
            writeln!(output, "{}", harmless_json(&whole.to_string()))
        }
        Form::Human => {
            let details: Vec<String> = lineage.grant.details.iter().map(detail_in_words).collect();
            let fields = fields.and(Fields::default().with("authorization_details", details));
            for line in fields.lines() {
                writeln!(output, "{}", harmless(&line))?;
            }
            writeln!(output, "tokens")?;
            for line in token_lines(&lineage, now) {
                writeln!(output, "  {}", harmless(&line))?;
            }
            Ok(())
        }
    })
}

async fn find(at: &Workplace, id: String) -> Result<Lineage, Failure> {
    let lineage = at.store.lineage(at.issuer(), &GrantId::new(&id)).await?;
    lineage.ok_or(Failure::Absent { what: "grant", id })
}
