//! Taking back a part: what is held minus what came back unticked, grant by grant.

use super::held::key;
use crate::names::{ResourceId, Scope, Scopes};
use crate::records::{Detail, Grant, Resource};

/// What the user left ticked. What is not held is ignored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'a> {
    pub(super) scopes: &'a [Scope],
    /// Keys of things.
    pub(super) things: &'a [String],
}

/// What becomes of one grant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// All of it was left ticked.
    Everything,
    /// Something was. Never more than was held.
    Some { scopes: Scopes, resources: Vec<ResourceId>, details: Vec<Detail> },
    /// Nothing was: lasting access to nothing is nothing.
    Nothing,
}

impl Left {
    /// `known` are the resources of the grants. A resource of which nothing is left goes: no token is issued for it any more.
    pub(super) fn of(grant: &Grant, kept: Kept<'_>, known: &[Resource]) -> Self {
        let at = |id: &ResourceId| known.iter().find(|resource| resource.id == *id);
        let shown = |scope: &Scope| grant.resources.iter().filter_map(at).any(|resource| resource.defines(scope));
        let scope_stays = |scope: &Scope| kept.scopes.contains(scope);
        let thing_stays = |detail: &Detail| kept.things.contains(&key(detail));
        // What is at no resource any more has no line that could be unticked, and opens nothing.
        let taken = grant.scopes.iter().any(|scope| shown(scope) && !scope_stays(scope))
            || grant.details.iter().any(|detail| at(&detail.resource).is_some() && !thing_stays(detail));
        if !taken {
            return Self::Everything;
        }
        // Whether access lasts is no line of the page: it is as it was.
        let scopes = grant.scopes.filtered(|scope| scope_stays(scope) || *scope == Scope::offline_access());
        let details: Vec<Detail> = grant.details.iter().filter(|detail| thing_stays(detail)).cloned().collect();
        let of_a_scope =
            |id: &ResourceId| at(id).is_some_and(|resource| scopes.iter().any(|scope| resource.defines(scope)));
        let left = |id: &&ResourceId| of_a_scope(id) || details.iter().any(|detail| detail.resource == **id);
        let resources: Vec<ResourceId> = grant.resources.iter().filter(left).cloned().collect();
        if resources.is_empty() { Self::Nothing } else { Self::Some { scopes, resources, details } }
    }
}
