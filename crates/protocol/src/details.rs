//! Authorization details (RFC 9396): what exactly is asked for, and what was left of it.
//!
//! Owns the schema check and the narrowing. The types are declared by resources ([`DetailTypeDeclaration`]); which things a
//! person has is asked elsewhere. Start at [`parse`].

use std::collections::BTreeMap;

use grantd_tokens::json::{self, Limits};
use serde_json::{Map, Value, json};

use crate::endpoint::Ledger;
use crate::names::DetailTypeName;
use crate::records::{Client, Detail, DetailTypeDeclaration, FieldDeclaration, FieldKind, Resource, Status};
use crate::refusals::Refusal;

const MAX_OBJECTS: usize = 32;
const MAX_TEXT_CHARS: usize = 256;

/// Reads the parameter and holds every object against its type's schema (RAR-01, RAR-02, RAR-03).
///
/// Does not check that the user has the things named: see [`crate::consent`].
pub fn parse(text: &str, client: &Client, resources: &[Resource], ledger: &mut Ledger) -> Result<Vec<Detail>, Refusal> {
    let objects = objects(text);
    let objects = ledger.require(objects, Refusal::DetailsMalformed)?;
    objects.into_iter().map(|object| parse_object(object, client, resources, ledger)).collect()
}

fn objects(text: &str) -> Option<Vec<(DetailTypeName, Map<String, Value>)>> {
    let Ok(Value::Array(list)) = json::parse_value(text.as_bytes(), Limits::AUTHORIZATION_DETAILS) else { return None };
    if list.is_empty() || list.len() > MAX_OBJECTS {
        return None;
    }
    let typed = |value: Value| match value {
        Value::Object(object) => {
            let name = object.get("type")?.as_str()?.to_owned();
            Some((DetailTypeName::new(name), object))
        }
        _ => None,
    };
    list.into_iter().map(typed).collect()
}

fn parse_object(
    (type_name, object): (DetailTypeName, Map<String, Value>),
    client: &Client,
    resources: &[Resource],
    ledger: &mut Ledger,
) -> Result<Detail, Refusal> {
    let mut offered = resources.iter().filter(|resource| resource.status == Status::Active);
    let declared = offered.find_map(|resource| resource.detail_type(&type_name).map(|found| (resource, found)));
    let (resource, declaration) = ledger.require(declared, Refusal::DetailTypeNotAllowed)?;
    ledger.ensure(client.detail_types.contains(&type_name), Refusal::DetailTypeNotAllowed)?;
    let detail = conforming(&object, resource, declaration);
    ledger.require(detail, Refusal::DetailNotOfItsType)
}

/// The object as a [`Detail`], if each of its members is declared and each declared member that must be there is.
fn conforming(object: &Map<String, Value>, resource: &Resource, declaration: &DetailTypeDeclaration) -> Option<Detail> {
    let mut detail = Detail {
        resource: resource.id.clone(),
        type_name: declaration.name.clone(),
        actions: Vec::new(),
        identifier: None,
        fields: BTreeMap::new(),
    };
    for (name, value) in object {
        match name.as_str() {
            "type" => {}
            "locations" => {
                let here = |location: &Value| location.as_str() == Some(resource.id.as_str());
                value.as_array().filter(|list| !list.is_empty() && list.iter().all(here))?;
            }
            "actions" => detail.actions = actions(value, declaration)?,
            "identifier" => detail.identifier = Some(short_text(value)?),
            other => {
                let field = declaration.fields.iter().find(|field| field.name == other)?;
                detail.fields.insert(field.name.clone(), field_value(value, field)?);
            }
        }
    }
    let complete = (declaration.actions.is_empty() || !detail.actions.is_empty())
        && declaration.fields.iter().all(|field| !field.required || detail.fields.contains_key(&field.name));
    complete.then_some(detail)
}

fn actions(value: &Value, declaration: &DetailTypeDeclaration) -> Option<Vec<String>> {
    let mut actions: Vec<String> = Vec::new();
    for action in value.as_array()? {
        let action = action.as_str()?;
        declaration.actions.iter().find(|declared| declared.name == action)?;
        if !actions.iter().any(|known| known == action) {
            actions.push(action.to_owned());
        }
    }
    Some(actions)
}

fn field_value(value: &Value, field: &FieldDeclaration) -> Option<Value> {
    let fits = match &field.kind {
        FieldKind::Text => short_text(value).is_some(),
        FieldKind::Number => value.is_i64(),
        FieldKind::Flag => value.is_boolean(),
        FieldKind::OneOf(choices) => value.as_str().is_some_and(|text| choices.iter().any(|choice| choice == text)),
    };
    fits.then(|| value.clone())
}

fn short_text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// The object as it stands in a token and in the token response (RFC 9396 §7, §9).
pub fn to_json(detail: &Detail) -> Value {
    let mut object = Map::new();
    object.insert("type".into(), json!(detail.type_name.as_str()));
    object.insert("locations".into(), json!([detail.resource.as_str()]));
    if !detail.actions.is_empty() {
        object.insert("actions".into(), json!(detail.actions));
    }
    if let Some(identifier) = &detail.identifier {
        object.insert("identifier".into(), json!(identifier));
    }
    object.extend(detail.fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(object)
}

/// Whether an object that [`to_json`] once wrote into a token is still covered: by one grant of the same thing, with each of its
/// actions.
pub fn still_granted(granted: &[Detail], told: &Value) -> bool {
    let actions: Vec<String> = match told.get("actions") {
        None => Vec::new(),
        Some(told) => match serde_json::from_value(told.clone()) {
            Ok(actions) => actions,
            Err(_) => return false,
        },
    };
    granted.iter().any(|held| {
        let same_thing = to_json(&Detail { actions: actions.clone(), ..held.clone() }) == *told;
        same_thing && actions.iter().all(|action| held.actions.contains(action))
    })
}

/// What of `left` the objects of a token request select (RAR-06): nothing, where all of it was taken back. `None` if one asks for
/// more than was ever `given`.
///
/// An object without an identifier selects every thing of its type.
pub fn narrow(given: &[Detail], left: &[Detail], asked: &[Detail]) -> Option<Vec<Detail>> {
    let mut selected: Vec<Detail> = Vec::new();
    for wanted in asked {
        given.iter().find_map(|held| cut(held, wanted))?;
        for detail in left.iter().filter_map(|held| cut(held, wanted)) {
            if !selected.contains(&detail) {
                selected.push(detail);
            }
        }
    }
    Some(selected)
}

fn cut(held: &Detail, wanted: &Detail) -> Option<Detail> {
    let same_thing = held.resource == wanted.resource
        && held.type_name == wanted.type_name
        && (wanted.identifier.is_none() || wanted.identifier == held.identifier)
        && held.fields == wanted.fields;
    let no_more = wanted.actions.iter().all(|action| held.actions.contains(action));
    (same_thing && no_more).then(|| Detail { actions: wanted.actions.clone(), ..held.clone() })
}
