//! Law 6: secrets are stored as hashes and leave the core only inside `Secret`.

use std::fmt::Write as _;

use grantd_protocol::consent::Verdict;
use grantd_tokens::Secret;
use serde::Serialize;

use crate::forms_of_the_wire::Browser;
use crate::town::{ALICE, WEB, WEB_POST, secret_of};
use crate::world::{VERIFIER, World, code_in, parsed};

/// Goes through a whole flow, keeps every secret that was handed out, and looks for each in everything that can be stored
/// or printed.
// proves: STORE-01, LOG-02
#[test]
fn no_secret_that_was_handed_out_is_stored_or_can_be_printed() {
    for client in [WEB, WEB_POST] {
        let (world, secrets, printed) = a_whole_flow(client);
        let stored = everything_stored(&world);
        for (name, secret) in &secrets {
            assert!(!stored.contains(secret.expose()), "{client}: the {name} is stored");
            assert!(!printed.contains(secret.expose()), "{client}: the {name} can be printed");
            // Or else the search would find nothing, ever.
            let looked_for = format!("{stored}{}", secret.expose());
            assert!(looked_for.contains(secret.expose()));
        }
        let hashes = secrets.iter().filter(|(_, secret)| stored.contains(&secret.hash().to_base64url())).count();
        assert!(hashes >= 6, "{client}: of {} secrets the store knows only {hashes} by their hash", secrets.len());
    }
}

type Named = Vec<(&'static str, Secret)>;

fn a_whole_flow(client: &str) -> (World, Named, String) {
    let (mut world, mut browser, mut printed) = (World::new(), Browser::new(), String::new());
    let form = world.request_of(client);
    let step = world.authorize(&mut browser, &form).unwrap();
    write!(printed, "{step:?}").unwrap();
    let signed_in = world.sign_in(&mut browser, ALICE).unwrap();
    let consent = world.ticked(&browser, Verdict::Allow);
    let decided = world.decision(&consent);
    write!(printed, "{signed_in:?}{consent:?}{decided:?}{:?}", world.state).unwrap();
    let handle = browser.handle.clone().unwrap();
    let waiting = everything_stored(&world);
    assert!(waiting.contains(&handle.hash().to_base64url()), "the request waits under another name");

    let location = match world.run(&consent).unwrap() {
        grantd_protocol::consent::Decided::Answer(response) => response.location(),
        other => panic!("not answered: {other:?}"),
    };
    let code = code_in(&location);
    let redemption = parsed(&world.redemption_of(client, &code)).unwrap();
    let decision = world.decision(&redemption);
    let first = world.run(&redemption).unwrap();
    write!(printed, "{redemption:?}{decision:?}{first:?}").unwrap();
    let first = first.refresh_token.unwrap();
    let refresh = parsed(&world.refresh_of(client, &first)).unwrap();
    let next = world.run(&refresh).unwrap();
    write!(printed, "{refresh:?}{next:?}{:?}", world.state).unwrap();

    let form_token = consent.token.unwrap();
    let secrets = vec![
        ("client secret", secret_of(client)),
        ("interaction cookie", browser.cookie.clone().unwrap()),
        ("session cookie", browser.session.clone().unwrap()),
        ("request's handle", handle),
        ("form token", form_token),
        ("code", code),
        ("verifier", Secret::new(VERIFIER)),
        ("first refresh token", first),
        ("next refresh token", next.refresh_token.unwrap()),
    ];
    (world, secrets, printed)
}

/// Every record as a row would hold it.
fn everything_stored(world: &World) -> String {
    let records = world.records();
    [
        rows(records.clients.values()),
        rows(records.resources.values()),
        rows(records.users.values()),
        rows(records.sessions.values()),
        rows(records.pending.values()),
        rows(records.grants.values()),
        rows(records.codes.values()),
        rows(records.refresh_tokens.values()),
        rows(records.consents.values()),
        rows(records.attempts.values()),
    ]
    .concat()
}

fn rows<T: Serialize>(records: impl IntoIterator<Item = T>) -> String {
    records.into_iter().map(|record| serde_json::to_string(&record).unwrap()).collect()
}
