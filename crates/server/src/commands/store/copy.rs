//! `grantd store copy`: all records from one database to another, and the proof that both hold the same.

use std::path::PathBuf;

use grantd_store::{Inspection, Location, PostgresServer, Store, StoreFault, Table, Walked};
use serde_json::{Value, json};

use super::progress::Progress;
use super::restore::refuse_served;
use crate::commands::arguments::Common;
use crate::commands::block_on;
use crate::commands::console::{Console, Form};
use crate::commands::failure::Failure;
use crate::commands::workplace::load;
use crate::config::read_secret;

/// From where to where; what is left out is the database that is configured.
pub(super) struct Asked {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

pub(super) fn run(common: &Common, asked: &Asked, console: &mut Console<'_>) -> Result<(), Failure> {
    let [from, to] =
        [&asked.from, &asked.to].map(|named| location(common, named.as_deref(), asked.password_file.as_deref()));
    let (from, to) = (from?, to?);
    if from == to {
        return Err(Failure::Usage("--from and --to are the same database".to_owned()));
    }
    let (from_place, to_place) = (from.place(), to.place());
    if Store::inspect(&from)? == Inspection::Absent {
        return Err(StoreFault::NotADatabase { place: from_place }.into());
    }
    let [source, target] = [open(&from)?, open(&to)?];
    let mut progress = Progress::new(console);
    let mut told = |doing: &str, walked: Walked| {
        progress.tell(|| format!("{doing}: {} rows of {}", walked.rows, walked.table));
    };
    let (before, after) = block_on(async {
        refuse_served(&source, &from_place).await?;
        refuse_served(&target, &to_place).await?;
        target.take_over_from(&source, &to_place, |walked| told("copying", walked)).await?;
        let before = source.tables(|walked| told("reading what was copied", walked)).await?;
        let after = target.tables(|walked| told("reading the copy", walked)).await?;
        Ok((before, after))
    })?;
    report(&before, &after, console)?;
    if before == after {
        return Ok(());
    }
    let why = format!("{from_place} and {to_place} do not hold the same: something wrote to one of them meanwhile");
    Err(Failure::InTheWay { why, fix: "stop whatever uses them, and copy into an empty database".to_owned() })
}

fn location(
    common: &Common,
    named: Option<&str>,
    password_file: Option<&std::path::Path>,
) -> Result<Location, Failure> {
    let Some(named) = named else { return Ok(load(common)?.database) };
    if !(named.starts_with("postgres://") || named.starts_with("postgresql://")) {
        return Ok(Location::File(named.into()));
    }
    if crate::config::holds_password(named) {
        let why = "a password on the command line is seen by everybody on this machine";
        return Err(Failure::Usage(format!("{why}: take it out, and name a file with it in --password-file")));
    }
    let server = PostgresServer::parse(named).map_err(|fault| Failure::Usage(fault.to_string()))?;
    Ok(Location::Postgres(match password_file {
        Some(path) => server.with_password(read_secret(path).map_err(Failure::SecretFile)?.expose()),
        None => server,
    }))
}

/// A database that nobody uses, as far as that can be told before it is open, and of this binary's schema: opening migrates.
fn open(location: &Location) -> Result<Store, Failure> {
    if let Inspection::Older { found, newest } = Store::inspect(location)? {
        return Err(StoreFault::OlderSchema { place: location.place(), found, newest }.into());
    }
    Store::refuse_in_use(location)?;
    Ok(Store::open(location)?)
}

fn report(before: &[Table], after: &[Table], console: &mut Console<'_>) -> Result<(), Failure> {
    let one = |(before, after): (&Table, &Table)| {
        json!({
            "table": before.name, "rows": before.rows, "copied": after.rows,
            "digest": before.digest.to_base64url(), "digest_of_copy": after.digest.to_base64url(),
            "same": before == after,
        })
    };
    let same = before == after;
    console.print(|output, form| match form {
        Form::Json => {
            let tables: Vec<Value> = before.iter().zip(after).map(one).collect();
            writeln!(output, "{}", json!({ "same": same, "tables": tables }))
        }
        Form::Human => {
            writeln!(output, "{:<17} {:>9} {:>9}  SHA-256", "TABLE", "ROWS", "COPIED")?;
            before.iter().zip(after).try_for_each(|(before, after)| {
                let digest = before.digest.to_base64url();
                let verdict = if before == after { "the same" } else { "NOT THE SAME" };
                writeln!(output, "{:<17} {:>9} {:>9}  {digest}  {verdict}", before.name, before.rows, after.rows)
            })
        }
    })
}
