//! Events as they are kept: with what they tell of, or not at all; and until they are old. No statement changes one.
//!
//! Owns the table `events`. Which events there are is `grantd_protocol::events`'; that they are committed together with what they
//! tell of, whoever drives the decision. Start at [`Store::events`].

use grantd_protocol::events::{Event, EventFilter, EventId, Weight};
use grantd_protocol::names::Issuer;
use grantd_tokens::Time;

use crate::Store;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::rows;
use crate::statements as sql;
use crate::sweep;

impl Store {
    /// The newest `limit` events that fit, in the order in which they were decided.
    ///
    /// An event is dated when it is decided and written a little later: one that is older than what was read may still come.
    pub async fn events(&self, issuer: &Issuer, filter: EventFilter, limit: usize) -> Result<Vec<Event>, StoreFault> {
        let issuer = issuer.clone();
        self.driver.read(move |reading| newest(reading, &issuer, &filter, limit)).await
    }

    /// Forgets the events that were decided before `until`. Says how many.
    pub async fn forget_events(&self, issuer: &Issuer, until: Time) -> Result<u64, StoreFault> {
        let mut forgotten = 0;
        for weight in Weight::ALL {
            forgotten += sweep::sweep_events(&self.driver, issuer, weight, until).await?;
        }
        Ok(forgotten)
    }

    /// Forgets what is too much of `most` events: of each weight the oldest, as many as its room does not hold. Says how many. All
    /// of the room's first second stay. Reads as many keys as stay.
    ///
    /// Heavier ones take the room that they need, so that no flood of lighter ones pushes any of them out; only a tenth of it all
    /// is left to each weight below, so that a full table still tells of today.
    pub async fn forget_events_beyond(&self, issuer: &Issuer, most: u32) -> Result<u64, StoreFault> {
        let mut newest = Vec::new();
        for weight in Weight::ALL {
            newest.push(self.newest_of(issuer, weight, most / 10).await?.0);
        }
        let (mut left, mut kept_below, mut forgotten) = (most, newest.iter().sum::<u32>(), 0);
        for (weight, share) in Weight::ALL.into_iter().zip(newest) {
            kept_below -= share;
            let room = left.saturating_sub(kept_below);
            let (found, oldest) = self.newest_of(issuer, weight, room).await?;
            if found == room {
                let until = if room == 0 { Time(i64::MAX) } else { oldest };
                forgotten += sweep::sweep_events(&self.driver, issuer, weight, until).await?;
            }
            left -= found;
        }
        Ok(forgotten)
    }

    /// How many of the newest there are, up to `most`, and when the oldest of those was decided.
    async fn newest_of(&self, issuer: &Issuer, weight: Weight, most: u32) -> Result<(u32, Time), StoreFault> {
        let values = [issuer.as_str().into(), rows::weight(weight), most.into()];
        self.driver
            .read(move |reading| {
                let Some(mut row) = reading.rows(rows::EVENTS, sql::NEWEST_EVENTS, &values)?.into_iter().next() else {
                    return Ok((0, Time(0)));
                };
                Ok((row.integer()?, Time(row.integer()?)))
            })
            .await
    }
}

/// Page by page from the newest on, until enough fit. All of one moment.
fn newest(
    reading: &dyn Reading,
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
