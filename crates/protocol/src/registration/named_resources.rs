//! The resources that a client names: those it may ask for, and those it may ask about.

use super::{Faults, one_of};
use crate::records::Resource;
use crate::token::grant_type::GrantType;

/// `resources`: at least one for a client that can get a token at all (AT-04).
pub(super) fn to_ask_for<'a>(
    sent: Option<&[String]>,
    grant_types: &[GrantType],
    known: &'a [Resource],
    faults: &mut Faults,
) -> Vec<&'a Resource> {
    let Some(sent) = sent else {
        return if grant_types.is_empty() { Vec::new() } else { by_default(known, faults) };
    };
    if sent.is_empty() && !grant_types.is_empty() {
        let fix = format!("name {}", ids_of(known));
        faults.add("resources", "AT-04", "is empty: no token could be for anything", fix);
    }
    named("resources", sent, known, faults)
}

/// `introspects` (INTRO-02).
pub(super) fn to_ask_about<'a>(sent: &[String], known: &'a [Resource], faults: &mut Faults) -> Vec<&'a Resource> {
    named("introspects", sent, known, faults)
}

fn by_default<'a>(known: &'a [Resource], faults: &mut Faults) -> Vec<&'a Resource> {
    if let [only] = known {
        return vec![only];
    }
    let (problem, fix) = if known.is_empty() {
        ("there is no resource, so no token could be for anything", "add a resource first".to_owned())
    } else {
        ("is not set, and there are several", format!("name at least one: {}", ids_of(known)))
    };
    faults.add("resources", "AT-04", problem, fix);
    Vec::new()
}

fn named<'a>(field: &str, sent: &[String], known: &'a [Resource], faults: &mut Faults) -> Vec<&'a Resource> {
    let mut resources: Vec<&Resource> = Vec::new();
    for (position, id) in sent.iter().enumerate() {
        match known.iter().find(|resource| resource.id.as_str() == id) {
            Some(resource) if resources.iter().any(|named| named.id == resource.id) => {}
            Some(resource) => resources.push(resource),
            None => {
                let problem = format!("{id:?} is not a resource of this server; ids are compared byte for byte");
                let fix = format!("add the resource first, or name {}", ids_of(known));
                faults.add(format!("{field}[{position}]"), "RESIND-02", problem, fix);
            }
        }
    }
    resources
}

fn ids_of(known: &[Resource]) -> String {
    one_of(known.iter().map(|resource| &resource.id))
}
