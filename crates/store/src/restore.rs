//! Backups, and what has to end before a restored database may serve (STORE-08).
//!
//! A backup does not know what was spent, taken back or ended after it was made. So whoever puts one in place ends all that was
//! given before: grants, sessions, codes, pending requests, what clients hold for themselves, remembered consents, and the signing
//! keys, by which the tokens end that the backup never saw. Users, clients and resources are as they were. Start at
//! [`restore_file`] and [`Store::end_what_was_restored`].

use std::path::Path;

use grantd_protocol::events::Event;
use grantd_protocol::names::{ClientId, GrantId, Issuer};
use grantd_protocol::records::Revocation;
use grantd_protocol::settings::{CLOCKS_APART, LONGEST_ACCESS_TOKEN};
use grantd_tokens::Time;
use tempfile::TempPath;

use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::leases::LEASE_LASTS;
use crate::rows::{self, Value};
use crate::sqlite::{self, Pages};
use crate::statements::restoring as sql;
use crate::writes::Step;
use crate::{Location, Store};

/// What an operator keeps by name, although nobody knows what became of it since the backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// These grants.
    pub grants: Vec<GrantId>,
    /// All grants to these clients.
    pub grants_of: Vec<ClientId>,
    /// What users agreed to: they are not asked again, also where they took it back since.
    pub consents: bool,
}

/// What ended with a restore, of one issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedByRestore {
    /// Grants.
    pub grants: u64,
    /// Of those that would have ended, so many were kept by name.
    pub kept_grants: u64,
    /// Sessions.
    pub sessions: u64,
    /// Requests that waited for their users.
    pub pending_requests: u64,
    /// Codes that were not redeemed.
    pub codes: u64,
    /// Consents that are not remembered any more.
    pub consents: u64,
    /// Signing keys that were removed.
    pub signing_keys: u64,
}

/// A database that was taken out of a backup and is not in its place yet. Gone when it is dropped.
#[derive(Debug)]
pub struct Restoring {
    draft: TempPath,
    store: Store,
}

/// Copies the database in the file `from`, whoever uses it, to the new file `to`, mode 0600. Consistent: what was committed at one
/// moment, and nothing later. It is on the disk, and sound, when this returns how many rows of each kind it
/// holds. Blocks.
pub fn back_up_file(from: &Path, to: &Path, told: &mut dyn FnMut(Pages)) -> Result<Vec<(String, u64)>, StoreFault> {
    sqlite::copy_out(from, to, told)
}

/// Takes a database out of a backup, beside the place where it is to be. Refuses while that place is in use. Blocks.
pub fn restore_file(from: &Path, place: &Path, told: &mut dyn FnMut(Pages)) -> Result<Restoring, StoreFault> {
    sqlite::is_free(place)?;
    let draft = sqlite::copy_beside(from, place, told)?;
    let store = Store::open(&Location::File(draft.to_path_buf()))?;
    Ok(Restoring { draft, store })
}

impl Restoring {
    /// The records. Nobody else has them.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Puts it in its place, in one step that no end of the machine can halve. Blocks. What had to end must have.
    pub fn put_in_place(self, place: &Path, told: &mut dyn FnMut(Pages)) -> Result<(), StoreFault> {
        // With the last handle its log goes into the file.
        drop(self.store);
        sqlite::put_in_place(&self.draft, place, told)
    }
}

impl Store {
    /// Refuses a database that another process has open, as far as that can be told: of a file it can, of a server's see
    /// [`Store::served_until`]. Blocks.
    pub fn refuse_in_use(location: &Location) -> Result<(), StoreFault> {
        match location {
            Location::File(path) => sqlite::is_free(path),
            Location::Postgres(_) | Location::Memory => Ok(()),
        }
    }

    /// Every issuer that ever served from this database.
    pub async fn issuers(&self) -> Result<Vec<Issuer>, StoreFault> {
        self.driver
            .read(|reading| {
                let rows = reading.rows(rows::SIGNING_KEYS, sql::ISSUERS, &[])?;
                rows.into_iter().map(|mut row| row.text().map(Issuer::new)).collect()
            })
            .await
    }

    /// Until when a node says that it serves from this database: each renews its leases while it runs, and gives them back when
    /// it is stopped. A node that was killed seems to run for a few minutes more.
    pub async fn served_until(&self, now: Time) -> Result<Option<Time>, StoreFault> {
        self.driver.read(move |reading| served_until(reading, now)).await
    }

    /// Ends all that was given before this moment (STORE-08), in one transaction with `event`, but for what is kept by name.
    /// Signing keys are removed, so that also those tokens end that were issued after the backup; the next start makes a new one.
    pub async fn end_what_was_restored(
        &self,
        issuer: &Issuer,
        kept: &Kept,
        event: &Event,
        now: Time,
    ) -> Result<EndedByRestore, StoreFault> {
        let written = self.driver.write(steps(issuer, kept, event, now)?).await?;
        let kept_grants =
            written.rows_written_by(sql::KEEP_GRANT) + written.rows_written_by(sql::KEEP_GRANTS_OF_CLIENT);
        Ok(EndedByRestore {
            grants: written.rows_written_by(sql::REVOKE_EVERY_GRANT).saturating_sub(kept_grants),
            kept_grants,
            sessions: written.rows_written_by(sql::END_EVERY_SESSION),
            pending_requests: written.rows_written_by(sql::FORGET_EVERY_PENDING_REQUEST),
            codes: written.rows_written_by(sql::SPEND_EVERY_CODE),
            consents: written.rows_written_by(sql::FORGET_EVERY_CONSENT),
            signing_keys: written.rows_written_by(sql::REMOVE_EVERY_SIGNING_KEY),
        })
    }
}

fn served_until(reading: &dyn Reading, now: Time) -> Result<Option<Time>, StoreFault> {
    let latest = now + LEASE_LASTS + CLOCKS_APART;
    let leases = reading.rows("leases", sql::LEASES_IN_FORCE, &[now.into(), latest.into()])?;
    let ends = leases.into_iter().map(|mut lease| {
        let (_issuer, _name) = (lease.text()?, lease.text()?);
        lease.integer().map(Time)
    });
    Ok(ends.collect::<Result<Vec<Time>, StoreFault>>()?.into_iter().max())
}

fn steps(issuer: &Issuer, kept: &Kept, event: &Event, now: Time) -> Result<Vec<Step>, StoreFault> {
    let of = |rest: &[Value]| [&[Value::from(issuer.as_str())], rest].concat();
    let at = Value::from(now);
    let because = rows::word(rows::GRANTS, &Revocation::Restored)?;
    let until = Value::from(now + LONGEST_ACCESS_TOKEN);
    let mut steps = vec![Step::always(sql::REVOKE_EVERY_GRANT, of(&[at.clone(), because.clone()]))];
    for grant in &kept.grants {
        steps.push(Step::always(sql::KEEP_GRANT, of(&[grant.as_str().into(), at.clone(), because.clone()])));
    }
    for client in &kept.grants_of {
        let values = of(&[client.as_str().into(), at.clone(), because.clone()]);
        steps.push(Step::always(sql::KEEP_GRANTS_OF_CLIENT, values));
    }
    steps.push(Step::always(sql::END_EVERY_SESSION, of(std::slice::from_ref(&at))));
    steps.push(Step::always(sql::FORGET_EVERY_PENDING_REQUEST, of(&[])));
    steps.push(Step::always(sql::SPEND_EVERY_CODE, of(std::slice::from_ref(&at))));
    if !kept.consents {
        steps.push(Step::always(sql::FORGET_EVERY_CONSENT, of(&[])));
    }
    steps.push(Step::always(sql::END_OF_EVERY_CLIENT, of(&[at.clone(), until])));
    steps.push(Step::always(sql::REMOVE_EVERY_SIGNING_KEY, of(&[at])));
    steps.push(Step::always(sql::LEAVE_KEYS_REVISIONS_BEHIND, of(&[])));
    steps.push(Step::always(sql::FORGET_EVERY_LEASE, of(&[])));
    steps.push(Step::always(crate::statements::ADD_EVENT, rows::event_values(issuer, event)?));
    Ok(steps)
}
