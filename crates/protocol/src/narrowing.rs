//! Taking a resource out of a grant: what is left for the others.
//!
//! For an operator who has lost trust in one resource. What users take back from their page is theirs to tick. Start at
//! [`Left::without`].

use crate::names::{ResourceId, Scope, Scopes};
use crate::records::{Detail, Grant, Resource};

/// What is left of a grant. Never more than was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The grant does not cover the resource.
    Everything,
    /// Something, at other resources.
    Some {
        /// The scopes.
        scopes: Scopes,
        /// The resources.
        resources: Vec<ResourceId>,
        /// The details.
        details: Vec<Detail>,
    },
    /// Nothing that opens anything.
    Nothing,
}

impl Left {
    /// The grant without `gone`. `known` are the resources there are: a scope that `gone` shares with another resource of the grant
    /// stays, and so does one that is no resource's, such as `offline_access`.
    pub fn without(grant: &Grant, gone: &ResourceId, known: &[Resource]) -> Self {
        if !grant.resources.contains(gone) {
            return Self::Everything;
        }
        let defining = |scope: &Scope| known.iter().filter(|resource| resource.defines(scope)).collect::<Vec<_>>();
        let covered = |resource: &Resource| resource.id != *gone && grant.resources.contains(&resource.id);
        let opens = |scope: &Scope| defining(scope).into_iter().any(covered);
        let details: Vec<Detail> = grant.details.iter().filter(|detail| detail.resource != *gone).cloned().collect();
        if !grant.scopes.iter().any(opens) && details.is_empty() {
            return Self::Nothing;
        }
        Self::Some {
            scopes: grant.scopes.filtered(|scope| opens(scope) || defining(scope).is_empty()),
            resources: grant.resources.iter().filter(|resource| *resource != gone).cloned().collect(),
            details,
        }
    }
}
