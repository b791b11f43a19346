//! Lookup → facts, over maps.

use std::cmp::Reverse;

use crate::facts::{Facts, HOLDINGS_SHOWN, Holdings, Lookup, WAITING_COUNTED_TO, Waiting};
use crate::names::{AccessTokenId, ClientId, ResourceId, Scopes, UserId};
use crate::records::{
    Client, Code, Consent, Ended, EndedThing, Grant, GrantState, OpaqueAccessToken, RefreshToken, Resource, Session,
    SessionState, Spending,
};

use super::Records;

impl Records {
    pub(super) fn load(&self, lookup: &Lookup) -> Facts {
        let code = lookup.code.as_ref().and_then(|hash| self.codes.get(hash));
        let refresh_token = lookup.refresh_token.as_ref().and_then(|hash| self.refresh_tokens.get(hash));
        let access_token = lookup.access_token.as_ref().and_then(|hash| self.access_tokens.get(hash));
        let grant = self.grant_of(lookup, code, refresh_token, access_token);
        let holder = holder_of(lookup, access_token, grant);
        let session = lookup.session.as_ref().and_then(|id| self.sessions.get(id));
        let pending = lookup.pending.as_ref().and_then(|handle| self.pending.get(handle));
        let client_id = lookup.client.as_ref().or(pending.map(|pending| &pending.client));
        let client = client_id.and_then(|id| self.clients.get(id));
        let user = match (grant, &lookup.username) {
            (Some(grant), _) => self.users.get(&grant.user),
            (None, Some(username)) => self.users.values().find(|user| user.username == *username),
            (None, None) => session.and_then(|session| self.users.get(&session.user)),
        };
        let consent =
            user.zip(client).and_then(|(user, client)| self.consents.get(&(user.id.clone(), client.id.clone())));
        let held = session.filter(|_| lookup.holdings).map(|session| self.holdings(&session.user));
        Facts {
            client: client.cloned(),
            resources: client.map(|client| self.resources_of(client)).unwrap_or_default(),
            scopes_elsewhere: client.map(|client| self.scopes_elsewhere(client, lookup)).unwrap_or_default(),
            code: code.cloned(),
            refresh_token: refresh_token.cloned(),
            successor: refresh_token.and_then(|token| self.successor_of(token)).cloned(),
            access_token: access_token.cloned(),
            ended: self.ended_of(lookup, access_token, holder.as_ref().or(grant.map(|grant| &grant.client))),
            holder: holder.and_then(|id| self.clients.get(&id)).cloned(),
            grant: grant.cloned(),
            grant_session: grant.and_then(|grant| self.sessions.get(&grant.session)).cloned(),
            session: session.cloned(),
            user: user.cloned(),
            pending: pending.cloned(),
            consent: consent.cloned(),
            attempts: lookup.attempts.iter().filter_map(|key| self.attempts.get(key)).cloned().collect(),
            waiting: self.waiting(lookup),
            holdings: held.unwrap_or_default(),
        }
    }

    fn grant_of(
        &self,
        lookup: &Lookup,
        code: Option<&Code>,
        refresh_token: Option<&RefreshToken>,
        access_token: Option<&OpaqueAccessToken>,
    ) -> Option<&Grant> {
        let of_family = || {
            let family = lookup.family?;
            self.refresh_tokens.values().find(|token| token.family == Some(family)).map(|token| token.grant.clone())
        };
        let id = code
            .map(|code| code.grant.clone())
            .or(refresh_token.map(|token| token.grant.clone()))
            .or_else(of_family)
            .or(access_token.and_then(|token| token.grant.clone()))
            .or_else(|| lookup.access_token_id.as_ref().and_then(AccessTokenId::grant))?;
        self.grants.get(&id)
    }

    fn successor_of(&self, token: &RefreshToken) -> Option<&RefreshToken> {
        match token.spending {
            Spending::Spent { successor, .. } => self.refresh_tokens.get(&successor),
            Spending::Unspent | Spending::Superseded { .. } => None,
        }
    }

    fn ended_of(
        &self,
        lookup: &Lookup,
        access_token: Option<&OpaqueAccessToken>,
        whose: Option<&ClientId>,
    ) -> Option<Vec<Ended>> {
        lookup.asks_what_ended().then_some(())?;
        let opaque = access_token.map(|token| AccessTokenId::new(token.claims.jti.clone()));
        let token = opaque.or(lookup.access_token_id.clone()).map(EndedThing::AccessToken);
        let client = whose.cloned().map(EndedThing::Client);
        Some(token.into_iter().chain(client).filter_map(|thing| self.ended.get(&thing)).cloned().collect())
    }

    fn holdings(&self, user: &UserId) -> Holdings {
        let mut grants: Vec<Grant> = self
            .grants
            .values()
            .filter(|grant| grant.user == *user && grant.state == GrantState::Standing)
            .cloned()
            .collect();
        grants.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        grants.truncate(HOLDINGS_SHOWN);
        let consents = self.consents.values().filter(|consent| consent.user == *user);
        let consents: Vec<Consent> = consents.take(HOLDINGS_SHOWN).cloned().collect();
        let named = |id: &ClientId| {
            grants.iter().any(|grant| grant.client == *id) || consents.iter().any(|consent| consent.client == *id)
        };
        let in_grants = |id: &ResourceId| grants.iter().any(|grant| grant.resources.contains(id));
        let mut sessions: Vec<Session> = self
            .sessions
            .values()
            .filter(|session| session.user == *user && session.state == SessionState::Live)
            .cloned()
            .collect();
        sessions.sort_by_key(|session| Reverse((session.authenticated_at, session.id)));
        sessions.truncate(HOLDINGS_SHOWN);
        Holdings {
            clients: self.clients.values().filter(|client| named(&client.id)).cloned().collect(),
            resources: self.resources.values().filter(|resource| in_grants(&resource.id)).cloned().collect(),
            grants,
            consents,
            sessions,
        }
    }

    fn resources_of(&self, client: &Client) -> Vec<Resource> {
        client.resources.iter().filter_map(|id| self.resources.get(id)).cloned().collect()
    }

    fn scopes_elsewhere(&self, client: &Client, lookup: &Lookup) -> Scopes {
        let own = self.resources_of(client);
        lookup.scopes.filtered(|scope| {
            let defines = |resource: &Resource| resource.defines(scope);
            !own.iter().any(defines) && self.resources.values().any(defines)
        })
    }

    fn waiting(&self, lookup: &Lookup) -> Waiting {
        let Some(network) = &lookup.waiting else { return Waiting::default() };
        let up_to = |count: usize, limit: u32| u32::try_from(count).map_or(limit, |count| count.min(limit));
        let from_network = self.pending.values().filter(|pending| pending.network == *network).count();
        Waiting {
            from_network: up_to(from_network, WAITING_COUNTED_TO.from_network),
            in_all: up_to(self.pending.len(), WAITING_COUNTED_TO.in_all),
        }
    }
}

/// Whose an access token is, if the lookup is about one.
fn holder_of(lookup: &Lookup, access_token: Option<&OpaqueAccessToken>, grant: Option<&Grant>) -> Option<ClientId> {
    let opaque = access_token.map(|token| ClientId::new(token.claims.client_id.clone()));
    let signed = || lookup.access_token_id.as_ref().and(grant).map(|grant| grant.client.clone());
    opaque.or_else(signed).or_else(|| lookup.holder.clone())
}
