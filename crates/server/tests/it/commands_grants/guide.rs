//! The pages for operators: every line of them does what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::{ClientId, GrantId, Issuer, ResourceId, Scopes, UserId, Username};
use grantd_protocol::records::{
    Given, Grant, GrantState, Presence, RefreshToken, Session, SessionState, Spending, Status, User,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::token::refresh_secret::RefreshSecret;
use grantd_store::Store;
use grantd_tokens::{Digest, Time};

use super::Office;

/// The grant that the pages name: dora let `mail-reader` read her mail. Gives its refresh token.
pub(crate) async fn furnish(store: &Store, issuer: &Issuer) -> String {
    let (now, session) = (grantd::env::now(), Digest::of(b"a session of dora"));
    let expires_at = Time(now.0 + 40_000);
    let user = User {
        id: UserId::new("dora"),
        username: Username::parse("dora").unwrap(),
        name: None,
        password: None,
        status: Status::Active,
        credentials_generation: 0,
        created_at: now,
    };
    let RefreshSecret { token, family } = RefreshSecret::first(&mut grantd::env::OsRandom);
    let changes = vec![
        Change::AddUser { user, or: Refusal::NameTaken },
        Change::AddSession {
            session: Session {
                id: session,
                user: UserId::new("dora"),
                authenticated_at: now,
                last_used_at: now,
                expires_at,
                state: SessionState::Live,
            },
            credentials_generation: 0,
        },
        Change::AddGrant(Grant {
            id: GrantId::new(NAMED),
            user: UserId::new("dora"),
            client: ClientId::new("mail-reader"),
            session,
            scopes: Scopes::parse("mail.read").unwrap(),
            resources: vec![ResourceId::new("https://lockbox.example/")],
            default_resource: Some(ResourceId::new("https://lockbox.example/")),
            details: Vec::new(),
            given: Given { scopes: Scopes::parse("mail.read").unwrap(), details: Vec::new() },
            names: Vec::new(),
            presence: Presence::WhileSignedIn,
            authenticated_at: now,
            created_at: now,
            expires_at,
            last_used_at: now,
            narrowings: 0,
            state: GrantState::Standing,
        }),
        Change::AddRefreshToken(RefreshToken {
            hash: token.hash(),
            grant: GrantId::new(NAMED),
            family,
            generation: 0,
            issued_at: now,
            expires_at,
            beside: None,
            sent_to: None,
            spending: Spending::Unspent,
        }),
    ];
    assert_eq!(store.commit(issuer, changes).await, Ok(Commit::Done));
    token.expose().to_owned()
}

#[tokio::test]
async fn every_line_of_the_guide_does_what_it_says() {
    let office = Office::open().await;
    let (store, issuer) = (&office.rig.app.store, &office.rig.app.settings.issuer);
    let token = furnish(store, issuer).await;
    let write = |name: &str, text: &str| {
        fs::write(office.folder.path().join(name), text).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(office.folder.path().join(name), owner_only).unwrap();
    };
    write("token.txt", &token);
    write("password.txt", "letters for a rainy day\n");
    let resource =
        ["resource", "add", "--id", "https://lockbox.example/", "--name", "Boxes", "--scope", "mail.read=Read"];
    office.done(&resource);
    let redirect_uri = "https://reader.example/cb";
    let reader = ["client", "add", "--id", "mail-reader", "--name", "Mail", "--kind", "web"];
    let boxes = ["--redirect-uri", redirect_uri, "--resource", "https://lockbox.example/"];
    office.done(&[&reader[..], &boxes[..]].concat());
    office.done(&["user", "add", "ann"]);

    let here = Path::new(env!("CARGO_BIN_EXE_grantd")).parent().unwrap().display().to_string();
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/grants.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        let mut shell = Command::new("sh");
        shell.current_dir(office.folder.path()).env_clear().env("PATH", format!("{here}:/usr/bin:/bin"));
        let output = shell.args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const NAMED: &str = "aK3s0v9XyRk2mQ7tZ1cPhwLd5uEoBn8iJfGxV4YqTsM";
