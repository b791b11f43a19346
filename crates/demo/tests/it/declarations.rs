use grantd_demo::{PEOPLE, PostOffice};

#[tokio::test]
async fn the_declarations_name_no_secret() {
    let office = PostOffice::open().await.unwrap();
    let text = office.declarations();
    let secrets = office.secrets();
    // Mailroom's and the parcel counter's, and the passwords.
    assert_eq!(secrets.len(), 2 + PEOPLE.len());
    for (variable, secret) in secrets {
        assert!(variable.starts_with("GRANTD_") && secret.len() >= 12, "{variable}");
        assert!(!text.contains(&secret), "{variable}");
    }
}

#[tokio::test]
async fn every_start_has_a_secret_of_its_own() {
    let (one, other) = (PostOffice::open().await.unwrap(), PostOffice::open().await.unwrap());
    let of_clients = |office: &PostOffice| office.secrets().into_iter().take(2).collect::<Vec<_>>();
    for (one, other) in of_clients(&one).into_iter().zip(of_clients(&other)) {
        assert_eq!(one.0, other.0);
        assert_ne!(one.1, other.1);
    }
}

#[tokio::test]
async fn every_party_stands_on_a_listener_of_its_own_on_loopback() {
    let office = PostOffice::open().await.unwrap();
    let addresses = office.addresses();
    let all = [
        &addresses.lockbox,
        &addresses.parcels,
        &addresses.mailroom,
        &addresses.browser,
        &addresses.postkeeper,
        &addresses.rogue,
    ];
    for (position, address) in all.iter().enumerate() {
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        assert!(!all.iter().take(position).any(|other| other == address), "{address}");
    }
}

#[tokio::test]
async fn a_second_post_office_finds_other_ports() {
    let (one, other) = (PostOffice::open().await.unwrap(), PostOffice::open().await.unwrap());
    assert_ne!(one.addresses(), other.addresses());
}
