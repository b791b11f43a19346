//! What a user can choose from: each thing that fits what the client asked for, and that the resource says is theirs.

use crate::endpoint::Question;
use crate::names::UserId;
use crate::records::{Detail, DetailTypeDeclaration, Offer, PendingRequest, Resource, Thing, Things};

/// One line that can be ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedItem {
    /// Names the line in the form: the thing's identifier where that tells it from the others, else its position. Means
    /// nothing outside this request.
    pub key: String,
    /// Which of the request's details it belongs to.
    pub asked: usize,
    /// What is granted if it stays ticked.
    pub detail: Detail,
    /// The thing, as its owner knows it; `None` if the resource could not say, or has none to name.
    pub thing: Option<Thing>,
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
            same == 1 && identifier.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(identifier) = line.detail.identifier.as_ref().filter(alone) {
            line.key.clone_from(identifier);
        }
    }
    lines
}

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
) -> Option<Vec<(usize, Option<Thing>, String)>> {
    declaration.things_endpoint.as_ref()?;
    let named = detail.identifier.as_deref();
    Some(match answer(pending, detail, user) {
        Some(Things::Known(things)) => things
            .iter()
            .enumerate()
            .filter(|(_, thing)| named.is_none_or(|named| named == thing.identifier))
            .map(|(position, thing)| (position, Some(thing.clone()), thing.identifier.clone()))
            .collect(),
        // Only what the client named itself can be offered without an answer; the resource still guards its things.
        Some(Things::Unavailable) | None => named.map(|named| (0, None, named.to_owned())).into_iter().collect(),
    })
}

fn as_asked(asked: usize, detail: &Detail) -> Vec<OfferedItem> {
    vec![OfferedItem { key: format!("d{asked}"), asked, detail: detail.clone(), thing: None }]
}

fn from_things(asked: usize, detail: &Detail, things: Vec<(usize, Option<Thing>, String)>) -> Vec<OfferedItem> {
    let line = |(number, thing, identifier): (usize, Option<Thing>, String)| OfferedItem {
        key: format!("d{asked}.t{number}"),
        asked,
        detail: Detail { identifier: Some(identifier), ..detail.clone() },
        thing,
    };
    things.into_iter().map(line).collect()
}
