//! What a user can choose from: each thing that fits what the client asked for, and that the resource says is theirs.

use grantd_tokens::Digest;

use crate::endpoint::Question;
use crate::names::UserId;
use crate::records::{Detail, DetailTypeDeclaration, NamedThing, Offer, PendingRequest, Resource, Thing, Things};

/// One line that can be ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedItem {
    /// Names the line in the form: the thing's identifier where that tells it from the others. No client and no resource can
    /// make it equal to another line's, and it names the same line however often the resource is asked.
    pub key: String,
    /// Which of the request's details it belongs to.
    pub asked: usize,
    /// What is granted if it stays ticked.
    pub detail: Detail,
    /// The thing, as its owner knows it; `None` if the resource could not say, or has none to name.
    pub thing: Option<Thing>,
}

impl OfferedItem {
    /// The thing as it can be shown again once it was granted.
    pub(super) fn name(&self) -> Option<NamedThing> {
        let Detail { resource, type_name, .. } = &self.detail;
        let thing = self.thing.clone()?;
        Some(NamedThing { resource: resource.clone(), type_name: type_name.clone(), thing })
    }
}

/// Every line of a request, computed from what is stored alone.
pub fn offered(pending: &PendingRequest, resources: &[Resource], user: &UserId) -> Vec<OfferedItem> {
    let lines = pending.details.iter().enumerate().flat_map(|(asked, detail)| {
        let declaration = declaration(detail, resources);
        match declaration.map(|declaration| things(pending, detail, declaration, user)) {
            None => Vec::new(),
            Some(None) => as_asked(asked, detail),
            Some(Some(things)) => from_things(asked, detail, things),
        }
    });
    let mut lines: Vec<OfferedItem> = lines.collect();
    let identifiers: Vec<Option<String>> = lines.iter().map(|line| line.detail.identifier.clone()).collect();
    for line in &mut lines {
        let alone = |identifier: &&String| {
            let same = identifiers.iter().flatten().filter(|other| other == identifier).count();
            same == 1 && !identifier.starts_with(OWN_KEY) && identifier.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(identifier) = line.detail.identifier.as_ref().filter(alone) {
            line.key.clone_from(identifier);
        }
    }
    lines
}

/// Begins the keys that are not identifiers.
const OWN_KEY: char = '#';

/// The questions that must be asked before a page can be shown. Empty if nothing asked for has things.
pub(super) fn questions(pending: &PendingRequest, resources: &[Resource]) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for detail in &pending.details {
        let endpoint = declaration(detail, resources).and_then(|declaration| declaration.things_endpoint.clone());
        let known = questions
            .iter()
            .any(|question| question.resource == detail.resource && question.type_name == detail.type_name);
        if let (Some(endpoint), false) = (endpoint, known) {
            let (resource, type_name) = (detail.resource.clone(), detail.type_name.clone());
            questions.push(Question { resource, type_name, endpoint });
        }
    }
    questions
}

/// The resource's answer for a detail, if it was asked about this user.
pub(super) fn answer<'a>(pending: &'a PendingRequest, detail: &Detail, user: &UserId) -> Option<&'a Things> {
    match &pending.offer {
        Offer::Asked { user: asked_about, answers, .. } if asked_about == user => answers
            .iter()
            .find(|answer| answer.resource == detail.resource && answer.type_name == detail.type_name)
            .map(|answer| &answer.things),
        _ => None,
    }
}

fn declaration<'a>(detail: &Detail, resources: &'a [Resource]) -> Option<&'a DetailTypeDeclaration> {
    resources.iter().find(|resource| resource.id == detail.resource)?.detail_type(&detail.type_name)
}

/// `None` where the type has no things to choose from; an empty list where the resource did not answer and the client named
/// nothing.
fn things(
    pending: &PendingRequest,
    detail: &Detail,
    declaration: &DetailTypeDeclaration,
    user: &UserId,
) -> Option<Vec<(Option<Thing>, String)>> {
    declaration.things_endpoint.as_ref()?;
    let named = detail.identifier.as_deref();
    Some(match answer(pending, detail, user) {
        Some(Things::Known(things)) => things
            .iter()
            .filter(|thing| named.is_none_or(|named| named == thing.identifier))
            .map(|thing| (Some(thing.clone()), thing.identifier.clone()))
            .collect(),
        // Only what the client named itself can be offered without an answer; the resource still guards its things.
        Some(Things::Unavailable) => named.map(|named| (None, named.to_owned())).into_iter().collect(),
        // Nobody was asked about this user yet, so nothing is known to be theirs (law 1).
        None => Vec::new(),
    })
}

fn as_asked(asked: usize, detail: &Detail) -> Vec<OfferedItem> {
    vec![OfferedItem { key: format!("{OWN_KEY}{asked}"), asked, detail: detail.clone(), thing: None }]
}

fn from_things(asked: usize, detail: &Detail, things: Vec<(Option<Thing>, String)>) -> Vec<OfferedItem> {
    let line = |(thing, identifier): (Option<Thing>, String)| OfferedItem {
        key: format!("{OWN_KEY}{asked}.{}", Digest::of(identifier.as_bytes()).to_base64url()),
        asked,
        detail: Detail { identifier: Some(identifier), ..detail.clone() },
        thing,
    };
    things.into_iter().map(line).collect()
}
