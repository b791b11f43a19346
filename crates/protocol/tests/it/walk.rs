//! The dance once through, for every kind of client: if this fails, look here first.

use crate::forms_of_the_wire::Browser;
use crate::town::{BROWSER, LOCKBOXES, NATIVE, SCHEME, WEB, WEB_POST};
use crate::world::World;

#[test]
fn every_client_of_a_user_gets_from_request_to_refreshed_token() {
    for client in [WEB, WEB_POST, NATIVE, SCHEME, BROWSER] {
        let mut world = World::new();
        let code = world.approve(client, "boxes:list boxes:read");
        let issued = world.redeem(client, &code).unwrap();
        assert_eq!(issued.access_token.aud, LOCKBOXES, "{client}");
        assert_eq!(issued.access_token.scope.as_deref(), Some("boxes:list boxes:read"), "{client}");
        let refreshed = world.refresh(client, &issued.refresh_token.unwrap()).unwrap();
        assert_eq!(refreshed.access_token.sub, issued.access_token.sub, "{client}");
    }
}

#[test]
fn a_request_with_details_offers_the_things_of_whoever_is_signed_in() {
    let mut world = World::new();
    let mut browser = Browser::new();
    let details = r#"[{"type":"lockbox","actions":["list"]}]"#;
    let form = world.request_of(WEB).with("authorization_details", details);
    let location = world.approve_in(&mut browser, &form);
    let issued = world.redeem(WEB, &crate::world::code_in(&location)).unwrap();
    let identifiers: Vec<_> =
        issued.authorization_details.iter().filter_map(|detail| detail.identifier.clone()).collect();
    assert_eq!(identifiers, ["alice-1", "alice-2", "alice-3"]);
}
