//! What operators look through: grants by time, page by page, and all that hangs on one of them.
//!
//! Owns the order of the pages. Which of the grants are wanted beyond whose they are and when they were given is for the caller.

use grantd_protocol::names::{ClientId, GrantId, Issuer, UserId};
use grantd_protocol::records::{Code, Ended, Grant, OpaqueAccessToken, RefreshToken};
use grantd_tokens::{Seconds, Time};

use crate::Store;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::rows::{self, Row, Value};
use crate::statements as sql;

/// Which grants are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantList {
    /// Whose, or to whom.
    pub of: GrantsOf,
    /// Those that were given then or later.
    pub since: Option<Time>,
    /// Those that were given before.
    pub until: Option<Time>,
}

/// Whose grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GrantsOf {
    /// All there are.
    #[default]
    Everybody,
    /// Those that this user gave.
    User(UserId),
    /// Those that this client was given.
    Client(ClientId),
}

/// A page of grants, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantPage {
    /// May be empty although others follow.
    pub grants: Vec<Grant>,
    /// Where the next page begins; none after the last.
    pub next: Option<GrantCursor>,
}

/// A place between two grants of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantCursor {
    created_at: Time,
    id: String,
}

/// A grant, and what is kept of all that was issued under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The grant.
    pub grant: Grant,
    /// Its code; several if codes can be issued for a grant again.
    pub codes: Vec<Code>,
    /// By generation. A spent one is kept for two hours, so the first generations are missing in an older grant.
    pub refresh_tokens: Vec<RefreshToken>,
    /// Those that are not signed, by the time they were issued. Of signed ones nothing is kept.
    pub access_tokens: Vec<OpaqueAccessToken>,
    /// Access tokens that ended before their time, in whichever form.
    pub ended: Vec<Ended>,
}

/// Of each kind, the newest so many. A client that refreshes every ten seconds has fewer.
pub const LINEAGE_SHOWN: u32 = 1_000;

impl Store {
    /// One page of a list: up to `limit` grants after `after`. Sees each grant once that stands still meanwhile; one that is given
    /// while the list is read may be in it or not.
    pub async fn grants(
        &self,
        issuer: &Issuer,
        list: &GrantList,
        after: Option<GrantCursor>,
        limit: u32,
    ) -> Result<GrantPage, StoreFault> {
        let (issuer, list) = (issuer.clone(), list.clone());
        let after = after.unwrap_or_else(|| GrantCursor::before(list.until.unwrap_or(Time(i64::MAX))));
        self.driver.read(move |reading| list.page(reading, &issuer, &after, limit)).await
    }

    /// The grant of this id with what is kept of all that was issued under it, all of one moment.
    pub async fn lineage(&self, issuer: &Issuer, grant: &GrantId) -> Result<Option<Lineage>, StoreFault> {
        let (issuer, grant) = (issuer.clone(), grant.clone());
        self.driver.read(move |reading| lineage(reading, &issuer, &grant)).await
    }
}

impl GrantCursor {
    /// The grants that were given before this moment come after it.
    fn before(created_at: Time) -> Self {
        Self { created_at, id: String::new() }
    }
}

/// What stands in the column of a grant from before there was one: see the migration.
const UNDATED: Time = Time(0);

impl GrantList {
    fn page(
        &self,
        reading: &dyn Reading,
        issuer: &Issuer,
        after: &GrantCursor,
        limit: u32,
    ) -> Result<GrantPage, StoreFault> {
        let mut values: Vec<Value> =
            vec![issuer.as_str().into(), after.created_at.into(), after.id.as_str().into(), limit.into()];
        let sql = match &self.of {
            GrantsOf::Everybody => sql::GRANTS_BY_TIME,
            GrantsOf::User(user) => {
                values.push(user.as_str().into());
                sql::GRANTS_OF_USER_BY_TIME
            }
            GrantsOf::Client(client) => {
                values.push(client.as_str().into());
                sql::GRANTS_OF_CLIENT_BY_TIME
            }
        };
        let rows = reading.rows(rows::GRANTS, sql, &values)?;
        let is_last = u32::try_from(rows.len()).is_ok_and(|rows| rows < limit);
        let mut next = None;
        let mut grants = Vec::with_capacity(rows.len());
        for mut row in rows {
            next = Some(cursor(&mut row)?);
            grants.push(rows::grant(row)?);
        }
        let too_old = |next: &GrantCursor| self.since.is_some_and(|since| next.created_at < since);
        if is_last {
            next = None;
        } else if next.as_ref().is_some_and(|next| UNDATED < next.created_at && too_old(next)) {
            // Everything from here on was given too early, but for those whose column does not say when.
            next = Some(GrantCursor::before(UNDATED + Seconds(1)));
        }
        grants.retain(|grant| self.has(grant));
        Ok(GrantPage { grants, next })
    }

    fn has(&self, grant: &Grant) -> bool {
        self.since.is_none_or(|since| since <= grant.created_at)
            && self.until.is_none_or(|until| grant.created_at < until)
    }
}

fn cursor(row: &mut Row) -> Result<GrantCursor, StoreFault> {
    Ok(GrantCursor { created_at: Time(row.integer()?), id: row.text()? })
}

fn lineage(reading: &dyn Reading, issuer: &Issuer, id: &GrantId) -> Result<Option<Lineage>, StoreFault> {
    let of_grant: [Value; 3] = [issuer.as_str().into(), id.as_str().into(), LINEAGE_SHOWN.into()];
    let Some(grant) = reading.rows(rows::GRANTS, sql::GRANT, &of_grant)?.into_iter().next() else { return Ok(None) };
    let codes = reading.rows(rows::CODES, sql::CODES_OF_GRANT, &of_grant)?;
    let refresh_tokens = reading.rows(rows::REFRESH_TOKENS, sql::REFRESH_TOKENS_OF_GRANT, &of_grant)?;
    let mut refresh_tokens = each(refresh_tokens, rows::refresh_token)?;
    refresh_tokens.sort_by_key(|token| (token.generation, token.issued_at));
    let access_tokens = reading.rows(rows::ACCESS_TOKENS, sql::ACCESS_TOKENS_OF_GRANT, &of_grant)?;
    let mut access_tokens = each(access_tokens, rows::access_token)?;
    access_tokens.sort_by(|one, other| (one.claims.iat, &one.claims.jti).cmp(&(other.claims.iat, &other.claims.jti)));
    let [kind, first, end] = rows::ended_access_tokens_of(id);
    let named = [issuer.as_str().into(), kind, first, end, LINEAGE_SHOWN.into()];
    let ended = each(reading.rows(rows::ENDED, sql::ENDED_ACCESS_TOKENS, &named)?, rows::ended)?;
    Ok(Some(Lineage {
        grant: rows::grant(grant)?,
        codes: each(codes, rows::code)?,
        refresh_tokens,
        access_tokens,
        ended,
    }))
}

fn each<T>(rows: Vec<Row>, read: fn(Row) -> Result<T, StoreFault>) -> Result<Vec<T>, StoreFault> {
    rows.into_iter().map(read).collect()
}
