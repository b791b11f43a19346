//! Which grants are meant, and the way through them: page by page, so that no list is too long.

use grantd_protocol::names::{ClientId, ResourceId, UserId, Username};
use grantd_protocol::records::{Grant, GrantState, User};
use grantd_store::{GrantCursor, GrantList, GrantsOf};
use grantd_tokens::Time;

use crate::commands::arguments::{GrantFilter, GrantStates};
use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;

/// What the flags of a command mean.
pub(super) struct Choice {
    list: GrantList,
    client: Option<ClientId>,
    pub(super) resource: Option<ResourceId>,
    used_since: Option<Time>,
    states: GrantStates,
    now: Time,
    /// What was named and is not there. Its grants may be: those of a user who was removed, for one.
    unknown: Option<Failure>,
}

impl Choice {
    pub(super) async fn of(
        at: &Workplace,
        filter: GrantFilter,
        states: GrantStates,
        now: Time,
    ) -> Result<Self, Failure> {
        let mut unknown = None;
        let mut user = None;
        if let Some(named) = filter.user {
            let found = find_user(at, &named).await?.map(|user| user.id);
            if found.is_none() {
                unknown = Some(Failure::Absent { what: "user", id: named.clone() });
            }
            user = Some(found.unwrap_or_else(|| UserId::new(named)));
        }
        let client = filter.client.map(ClientId::new);
        if let Some(client) = &client
            && at.store.client(at.issuer(), client).await?.is_none()
        {
            unknown = Some(Failure::Absent { what: "client", id: client.as_str().to_owned() });
        }
        let resource = filter.resource.map(ResourceId::new);
        if let Some(resource) = &resource
            && at.store.resource(at.issuer(), resource).await?.is_none()
        {
            unknown = Some(Failure::Absent { what: "resource", id: resource.as_str().to_owned() });
        }
        // Of the two, a user has fewer grants.
        let of = match (user, &client) {
            (Some(user), _) => GrantsOf::User(user),
            (None, Some(client)) => GrantsOf::Client(client.clone()),
            (None, None) => GrantsOf::Everybody,
        };
        let before = |moment: Option<super::Moment>| moment.map(|moment| moment.before(now));
        let list = GrantList { of, since: before(filter.since), until: before(filter.until) };
        Ok(Self { list, client, resource, used_since: before(filter.used_since), states, now, unknown })
    }

    /// The user that was named, if nothing else was but perhaps a client.
    pub(super) fn all_of_user(&self) -> Option<(&UserId, Option<&ClientId>)> {
        let by_time = self.list.since.or(self.list.until).or(self.used_since);
        match &self.list.of {
            GrantsOf::User(user) if by_time.is_none() && self.resource.is_none() => Some((user, self.client.as_ref())),
            GrantsOf::User(_) | GrantsOf::Client(_) | GrantsOf::Everybody => None,
        }
    }

    pub(super) fn pages<'a>(&'a self, at: &'a Workplace) -> Pages<'a> {
        Pages { choice: self, at, next: Next::First }
    }

    /// To be said where no grant was found: perhaps a name was mistyped.
    pub(super) fn none_found(self) -> Result<(), Failure> {
        self.unknown.map_or(Ok(()), Err)
    }

    fn has(&self, grant: &Grant) -> bool {
        let standing = grant.state == GrantState::Standing && !self.now.is_past(grant.expires_at);
        self.client.as_ref().is_none_or(|client| grant.client == *client)
            && self.resource.as_ref().is_none_or(|resource| grant.resources.contains(resource))
            && self.used_since.is_none_or(|since| since <= grant.last_used_at)
            && (self.states.all || standing != self.states.ended)
    }
}

/// The pages of a choice.
pub(super) struct Pages<'a> {
    choice: &'a Choice,
    at: &'a Workplace,
    next: Next,
}

enum Next {
    First,
    After(GrantCursor),
    None,
}

impl Pages<'_> {
    /// The next grants that are meant; `None` after the last. A page may be empty.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Grant>>, Failure> {
        let after = match std::mem::replace(&mut self.next, Next::None) {
            Next::First => None,
            Next::After(cursor) => Some(cursor),
            Next::None => return Ok(None),
        };
        let mut page = self.at.store.grants(self.at.issuer(), &self.choice.list, after, PAGE).await?;
        self.next = page.next.map_or(Next::None, Next::After);
        page.grants.retain(|grant| self.choice.has(grant));
        Ok(Some(page.grants))
    }
}

/// By what they type to sign in, else by their id.
async fn find_user(at: &Workplace, named: &str) -> Result<Option<User>, Failure> {
    if let Some(username) = Username::parse(named)
        && let Some(user) = at.store.user_by_username(at.issuer(), &username).await?
    {
        return Ok(Some(user));
    }
    Ok(at.store.user(at.issuer(), &UserId::new(named)).await?)
}

/// A transaction of `revoke` ends as many.
const PAGE: u32 = 200;
