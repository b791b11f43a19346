//! Events as they are kept: with what they tell of, or not at all; and until they are old. No statement changes one.
//!
//! Owns the table `events`. Which events there are is `grantd_protocol::events`'; that they are committed together with what they
//! tell of, whoever drives the decision. Start at [`Store::events`].

use grantd_protocol::events::{Event, EventFilter, EventId};
use grantd_protocol::names::Issuer;
use grantd_tokens::Time;

use crate::Store;
use crate::fault::StoreFault;
use crate::rows;
use crate::sqlite::Reading;
use crate::statements as sql;
use crate::sweep;

impl Store {
    /// The newest `limit` events that fit, in the order in which they were decided.
    ///
    /// An event is dated when it is decided and written a little later: one that is older than what was read may still come.
    pub async fn events(&self, issuer: &Issuer, filter: EventFilter, limit: usize) -> Result<Vec<Event>, StoreFault> {
        let issuer = issuer.clone();
        self.sqlite().read(move |reading| newest(reading, &issuer, &filter, limit)).await
    }

    /// Forgets the events that were decided before `until`. Says how many.
    pub async fn forget_events(&self, issuer: &Issuer, until: Time) -> Result<u64, StoreFault> {
        sweep::sweep_rows(self.sqlite(), sql::FORGET_EVENTS, issuer, until).await
    }

    /// When the oldest of the newest `most` events was decided, if there are so many: whatever is older is too much. Reads that
    /// many keys.
    pub async fn events_are_too_many_before(&self, issuer: &Issuer, most: u32) -> Result<Option<Time>, StoreFault> {
        let values = [issuer.as_str().into(), most.into()];
        self.sqlite()
            .read(move |reading| {
                let Some(mut row) = reading.rows(rows::EVENTS, sql::NEWEST_EVENTS, &values)?.into_iter().next() else {
                    return Ok(None);
                };
                let (found, oldest) = (row.integer::<u32>()?, Time(row.integer()?));
                Ok((most <= found).then_some(oldest))
            })
            .await
    }
}

/// Page by page from the newest on, until enough fit. All of one moment.
fn newest(
    reading: &Reading<'_>,
    issuer: &Issuer,
    filter: &EventFilter,
    limit: usize,
) -> Result<Vec<Event>, StoreFault> {
    let since = filter.since.unwrap_or(Time(i64::MIN));
    let (mut before, mut id) = (filter.until.unwrap_or(Time(i64::MAX)), EventId::new(AFTER_EVERY_ID));
    let mut found = Vec::new();
    while found.len() < limit {
        let values = [issuer.as_str().into(), since.into(), before.into(), id.as_str().into(), PAGE.into()];
        let page = reading.rows(rows::EVENTS, sql::EVENTS, &values)?;
        let page: Vec<Event> = page.into_iter().map(rows::event).collect::<Result<_, _>>()?;
        let Some(last) = page.last() else { break };
        (before, id) = (last.at, last.id.clone());
        found.extend(page.into_iter().filter(|event| filter.fits(event)));
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}

const PAGE: u32 = 500;

/// Ids are of base64url and a dot; this comes after all of those in both databases' order of bytes.
const AFTER_EVERY_ID: &str = "~";
