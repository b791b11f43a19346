//! Taking a resource out of a grant: what is left for the others, and never more than was there.

use grantd_protocol::names::{ResourceId, Scope, Scopes};
use grantd_protocol::narrowing::Left;
use grantd_protocol::records::{Grant, Resource, ScopeDeclaration};

use crate::town::LOCKBOXES;
use crate::world::World;

const OTHER: &str = "https://other.example/";

/// The lockboxes; another resource that shares the first of their scopes and has one of its own; and a grant for both.
fn town() -> (Vec<Resource>, Grant) {
    let mut world = World::new();
    world.approve("web", "boxes:list");
    let records = world.records();
    let lockboxes = records.resources[&ResourceId::new(LOCKBOXES)].clone();
    let own = ScopeDeclaration { name: Scope::parse("other:own").unwrap(), description: "Its own".to_owned() };
    let scopes = vec![lockboxes.scopes[0].clone(), own];
    let other = Resource { id: ResourceId::new(OTHER), scopes, detail_types: Vec::new(), ..lockboxes.clone() };
    let grant = Grant {
        resources: vec![lockboxes.id.clone(), other.id.clone()],
        details: Vec::new(),
        ..records.grants.values().next().unwrap().clone()
    };
    (vec![lockboxes, other], grant)
}

fn with_scopes(grant: &Grant, scopes: &[&Scope]) -> Grant {
    let text: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    Grant { scopes: Scopes::parse(&text.join(" ")).unwrap(), ..grant.clone() }
}

#[test]
fn a_scope_that_another_resource_of_the_grant_defines_stays_and_so_does_one_of_no_resource() {
    let (known, grant) = town();
    let (shared, alone) = (&known[0].scopes[0].name, &known[0].scopes[1].name);
    let offline = Scope::offline_access();
    let left = Left::without(&with_scopes(&grant, &[shared, alone, &offline]), &known[0].id, &known);
    let expected = with_scopes(&grant, &[shared, &offline]).scopes;
    let Left::Some { scopes, resources, details } = left else { panic!("{left:?}") };
    assert_eq!((scopes, resources, details), (expected, vec![known[1].id.clone()], Vec::new()));
}

#[test]
fn a_grant_of_which_nothing_opens_anything_is_nothing_and_one_without_the_resource_is_whole() {
    let (known, grant) = town();
    let (alone, offline) = (&known[0].scopes[1].name, Scope::offline_access());
    let only_there = with_scopes(&grant, &[alone, &offline]);
    assert_eq!(Left::without(&only_there, &known[0].id, &known), Left::Nothing);
    let elsewhere = Grant { resources: vec![known[1].id.clone()], ..only_there.clone() };
    assert_eq!(Left::without(&elsewhere, &known[0].id, &known), Left::Everything);
    // A scope opens something only where the grant covers the resource that defines it.
    let uncovered = Grant { resources: vec![known[0].id.clone()], ..with_scopes(&grant, &[&known[0].scopes[0].name]) };
    assert_eq!(Left::without(&uncovered, &known[0].id, &known), Left::Nothing);
}
