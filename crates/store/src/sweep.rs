//! Sweeping: what can have no effect any more goes, and no mark that still prevents reuse (STORE-09).
//!
//! Agrees with `State::sweep` of the protocol. A sweep is many small transactions, so that requests pass between them; ended
//! half-way, it has removed less and nothing wrong. Start at [`sweep`].

use grantd_protocol::events::Weight;
use grantd_protocol::names::{GrantId, Issuer};
use grantd_protocol::settings::CLOCKS_APART;
use grantd_protocol::state::{SPENT_TOKENS_KEPT, SWEEP_ATTEMPTS_AFTER};
use grantd_tokens::{Seconds, Time};

use crate::driver::{Driver, Reading};
use crate::fault::StoreFault;
use crate::rows::{self, Value};
use crate::statements as sql;
use crate::writes::Step;

/// How many rows one transaction removes at most; of grants fewer, as each takes its tokens along.
const BATCH: u32 = 256;
const GRANTS_A_BATCH: u32 = 32;

/// How long the name of a removed key is kept (KEYS-03): longer than any access token lives (AT-06), so that whoever asks for
/// what was revoked hears of it until it does not matter.
const REMOVED_KEYS_KEPT: Seconds = Seconds::hours(2);

/// How long the mark of a connection's last transaction is kept: whoever may still ask what became of it gave up long before.
const MARKS_KEPT: Seconds = Seconds::hours(24);

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Grants at their absolute end, or never used.
    pub grants: u64,
    /// Requests that nobody answered in time.
    pub pending_requests: u64,
    /// Sessions that are over and in which no remaining grant was given.
    pub sessions: u64,
    /// Windows of attempts that have long passed.
    pub attempts: u64,
    /// Names of signing keys that were removed so long ago that every token of theirs has expired.
    pub removed_keys: u64,
    /// Refresh tokens spent so long ago that their family says all there is to say of them. Those that went with their grant
    /// are not counted.
    pub refresh_tokens: u64,
    /// Opaque access tokens that have expired. Those that went with their grant are not counted.
    pub access_tokens: u64,
    /// What ended before its time, once that time has come on the latest clock, too.
    pub ended: u64,
}

pub(crate) async fn sweep(driver: &Driver, issuer: &Issuer, now: Time) -> Result<Swept, StoreFault> {
    let long_ago = now + Seconds(-SWEEP_ATTEMPTS_AFTER);
    let long_spent = now - SPENT_TOKENS_KEPT;
    sweep_batches(driver, sql::SWEEP_WRITERS, vec![(now - MARKS_KEPT).into(), BATCH.into()]).await?;
    Ok(Swept {
        grants: sweep_grants(driver, issuer, now).await?,
        pending_requests: sweep_rows(driver, sql::SWEEP_PENDING, issuer, now).await?,
        sessions: sweep_rows(driver, sql::SWEEP_SESSIONS, issuer, now).await?,
        attempts: sweep_rows(driver, sql::SWEEP_ATTEMPTS, issuer, long_ago).await?,
        removed_keys: sweep_rows(driver, sql::SWEEP_REMOVED_KEYS, issuer, now - REMOVED_KEYS_KEPT).await?,
        refresh_tokens: sweep_rows(driver, sql::SWEEP_SPENT_REFRESH_TOKENS, issuer, long_spent).await?,
        access_tokens: sweep_rows(driver, sql::SWEEP_EXPIRED_ACCESS_TOKENS, issuer, now).await?,
        ended: sweep_rows(driver, sql::SWEEP_ENDED, issuer, now - CLOCKS_APART).await?,
    })
}

async fn sweep_rows(driver: &Driver, sql: &'static str, issuer: &Issuer, until: Time) -> Result<u64, StoreFault> {
    sweep_batches(driver, sql, vec![issuer.as_str().into(), until.into(), BATCH.into()]).await
}

/// Lighter events go first when there are too many, so that they are swept weight by weight.
pub(crate) async fn sweep_events(
    driver: &Driver,
    issuer: &Issuer,
    weight: Weight,
    until: Time,
) -> Result<u64, StoreFault> {
    let values = vec![issuer.as_str().into(), until.into(), BATCH.into(), rows::weight(weight)];
    sweep_batches(driver, sql::FORGET_EVENTS, values).await
}

async fn sweep_batches(driver: &Driver, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreFault> {
    let mut removed = 0;
    loop {
        let rows = driver.write(vec![Step::always(sql, values.clone())]).await?.rows_written();
        removed += rows;
        if rows < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}

/// A grant goes with its codes and tokens, all in one transaction: none of them is ever left without it.
async fn sweep_grants(driver: &Driver, issuer: &Issuer, now: Time) -> Result<u64, StoreFault> {
    let mut removed = 0;
    loop {
        let of = issuer.clone();
        let found = driver.read(move |reading| found(reading, &of, now)).await?;
        let steps = found.into_iter().flat_map(|(grant, session)| steps(issuer, &grant, session, now)).collect();
        let grants = driver.write(steps).await?.rows_written_by(sql::SWEEP_GRANT);
        removed += grants;
        if grants == 0 {
            return Ok(removed);
        }
    }
}

fn found(reading: &dyn Reading, issuer: &Issuer, now: Time) -> Result<Vec<(GrantId, String)>, StoreFault> {
    let values: [Value; 3] = [issuer.as_str().into(), now.into(), GRANTS_A_BATCH.into()];
    let mut rows = reading.rows(rows::GRANTS, sql::EXPIRED_GRANTS, &values)?;
    rows.extend(reading.rows(rows::GRANTS, sql::LAPSED_GRANTS, &values)?);
    rows.into_iter().map(rows::swept_grant).collect()
}

fn steps(issuer: &Issuer, grant: &GrantId, session: String, now: Time) -> [Step; 6] {
    let key = || vec![Value::from(issuer.as_str()), grant.as_str().into()];
    // The grant before what hangs on it: whoever adds a token to it at this moment writes its row, too, and one of the two is first (law 3).
    [
        Step::always(sql::CODES_LAPSED, [key(), vec![now.into()]].concat()),
        Step::always(sql::SWEEP_GRANT, [key(), vec![now.into()]].concat()),
        Step::always(sql::SWEEP_CODES, key()),
        Step::always(sql::SWEEP_REFRESH_TOKENS, key()),
        Step::always(sql::SWEEP_ACCESS_TOKENS, key()),
        Step::always(sql::SESSION_LOST_A_GRANT, vec![issuer.as_str().into(), session.into()]),
    ]
}
