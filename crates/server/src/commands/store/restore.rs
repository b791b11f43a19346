//! `grantd store restore` and `grantd store restored`: what ends when an older state comes back (STORE-08).

use std::path::Path;

use grantd_protocol::events::{self, Event, EventKind, Note, Source, Told};
use grantd_protocol::facts::Facts;
use grantd_protocol::names::{ClientId, GrantId, Issuer};
use grantd_store::{EndedByRestore, Kept, Location, Pages, Store, restore_file};
use grantd_tokens::Time;

use super::progress::Progress;
use crate::commands::arguments::{Common, KeepArguments};
use crate::commands::block_on;
use crate::commands::console::{Console, Fields, date};
use crate::commands::failure::Failure;
use crate::commands::workplace::{Workplace, load, make_folder};
use crate::env::{self, OsRandom};

/// From a backup of a database file.
pub(super) fn run(
    common: &Common,
    from: &Path,
    keep: KeepArguments,
    yes: bool,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let config = load(common)?;
    let Location::File(database) = &config.database else {
        let why = "only a database file is restored by grantd".to_owned();
        let fix =
            "restore a PostgreSQL database by its own means, and before any node starts run: grantd store restored";
        return Err(Failure::InTheWay { why, fix: fix.to_owned() });
    };
    make_folder(&config)?;
    if database.exists() && !yes {
        let why = format!("there is a database at {}, and all of it would be replaced", database.display());
        let fix = "keep a copy of it with `grantd store backup --to FILE`, and then add --yes";
        return Err(Failure::InTheWay { why, fix: fix.to_owned() });
    }
    let mut progress = Progress::new(console);
    let told = |progress: &mut Progress<'_, '_>, doing: &str, pages: Pages| {
        progress.tell(|| format!("{doing}: {} of {} pages", pages.done, pages.of));
    };
    let restoring = restore_file(from, database, &mut |pages| told(&mut progress, "reading the backup", pages))?;
    // Before it is in its place: nobody ever sees a database in which something lives that should not.
    let ended = block_on(end_everything(restoring.store(), keep.into(), from))?;
    restoring.put_in_place(database, &mut |pages| told(&mut progress, "writing the database", pages))?;
    report(&database.display().to_string(), &ended, console)
}

/// In a database that is in its place already.
pub(super) fn in_place(
    common: &Common,
    keep: KeepArguments,
    yes: bool,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let config = load(common)?;
    let place = config.database.place();
    if !yes {
        let why = format!("everybody who has access by {place} would lose it, and that cannot be undone");
        let fix = "if that database was restored from an older state and no node runs, add --yes";
        return Err(Failure::InTheWay { why, fix: fix.to_owned() });
    }
    Store::refuse_in_use(&config.database)?;
    let at = Workplace::open(common)?;
    let ended = block_on(async {
        refuse_served(&at.store, &place).await?;
        end_everything(&at.store, keep.into(), Path::new("by other means")).await
    })?;
    report(&place, &ended, console)
}

/// A node that runs holds a lease.
pub(super) async fn refuse_served(store: &Store, place: &str) -> Result<(), Failure> {
    match store.served_until(env::now()).await? {
        None => Ok(()),
        Some(until) => {
            let why = format!("a node serves from {place}");
            let fix = format!("stop every node; if the last one was killed, wait until {}", date(until));
            Err(Failure::InTheWay { why, fix })
        }
    }
}

impl From<KeepArguments> for Kept {
    fn from(keep: KeepArguments) -> Self {
        Self {
            grants: keep.grants.into_iter().map(GrantId::new).collect(),
            grants_of: keep.grants_of.into_iter().map(ClientId::new).collect(),
            consents: keep.consents,
        }
    }
}

async fn end_everything(store: &Store, kept: Kept, from: &Path) -> Result<EndedByRestore, Failure> {
    refuse_unknown(store, &kept).await?;
    let now = env::now();
    let mut all = EndedByRestore::default();
    for issuer in store.issuers().await? {
        let ended = store.end_what_was_restored(&issuer, &kept, &event(&kept, from, now)?, now).await?;
        all = EndedByRestore {
            grants: all.grants + ended.grants,
            kept_grants: all.kept_grants + ended.kept_grants,
            sessions: all.sessions + ended.sessions,
            pending_requests: all.pending_requests + ended.pending_requests,
            codes: all.codes + ended.codes,
            consents: all.consents + ended.consents,
            signing_keys: all.signing_keys + ended.signing_keys,
        };
    }
    Ok(all)
}

/// A slip in a name must not end what was to be kept.
async fn refuse_unknown(store: &Store, kept: &Kept) -> Result<(), Failure> {
    let issuers = store.issuers().await?;
    for id in &kept.grants {
        if !is_known(&issuers, async |issuer| Ok(store.lineage(issuer, id).await?.is_some())).await? {
            return Err(Failure::Absent { what: "grant", id: id.as_str().to_owned() });
        }
    }
    for id in &kept.grants_of {
        if !is_known(&issuers, async |issuer| Ok(store.client(issuer, id).await?.is_some())).await? {
            return Err(Failure::Absent { what: "client", id: id.as_str().to_owned() });
        }
    }
    Ok(())
}

async fn is_known(issuers: &[Issuer], knows: impl AsyncFn(&Issuer) -> Result<bool, Failure>) -> Result<bool, Failure> {
    for issuer in issuers {
        if knows(issuer).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn event(kept: &Kept, from: &Path, now: Time) -> Result<Event, Failure> {
    let names = |names: Vec<&str>| names.join(" ");
    let note = Note::new(EventKind::Restored)
        .with("from", from.display().to_string())
        .with("kept_grants", names(kept.grants.iter().map(GrantId::as_str).collect()))
        .with("kept_grants_of_clients", names(kept.grants_of.iter().map(ClientId::as_str).collect()))
        .with("kept_consents", kept.consents.to_string());
    let (facts, within_second) = (Facts::default(), env::within_second());
    let source = Source::CommandLine;
    let told = Told { changes: &[], notes: &[note], refused: None, facts: &facts, source, within_second };
    // One note is one event.
    events::of(&told, now, &mut OsRandom).into_iter().next().ok_or(Failure::Raced)
}

fn report(place: &str, ended: &EndedByRestore, console: &mut Console<'_>) -> Result<(), Failure> {
    console.note(UNKNOWN);
    console.show(
        Fields::default()
            .with("restored", place)
            .with("ended_grants", ended.grants)
            .with("kept_grants", ended.kept_grants)
            .with("ended_sessions", ended.sessions)
            .with("forgotten_consents", ended.consents)
            .with("forgotten_requests", ended.pending_requests)
            .with("spent_codes", ended.codes)
            .with("removed_signing_keys", ended.signing_keys),
    )
}

const UNKNOWN: &str = "a backup does not know what was changed after it: look through `grantd user list` and `grantd client list` for who \
     was disabled, removed or added since, and think of passwords and client secrets that were replaced: the older ones are good again";
