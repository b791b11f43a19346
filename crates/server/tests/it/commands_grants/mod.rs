//! `grantd grant …` and `grantd token …`: the real binary beside a server that runs on the same database.

mod ending;
pub(crate) mod guide;
mod inspecting;
mod listing;
mod revoking;
mod told;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use grantd::keys::KekSource;
use grantd_protocol::changes::Change;
use grantd_protocol::names::{ClientId, GrantId};
use grantd_protocol::records::{Grant, Session, SessionState};
use grantd_tokens::{Digest, Time};
use serde_json::Value;
use tempfile::TempDir;

use crate::introspect_http::{introspect, post};
use crate::rig::database::setting_of;
use crate::rig::people::{id_of, secret_of};
use crate::rig::{Answer, Asking, Browser, Rig, Setup, VERIFIER};

/// A server, and a folder in which an operator types commands.
struct Office {
    rig: Rig,
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Office {
    async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let (setting, value) = setting_of(folder.path());
        fs::write(folder.path().join("grantd.toml"), format!("{CONFIG}{setting} = \"{value}\"\n")).unwrap();
        let key = KekSource::File(folder.path().join("grantd.db.key"));
        let rig = Setup::behind_a_proxy().kept_in(folder.path()).sealed_with(key).start().await;
        Self { rig, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantd"));
        command.current_dir(self.folder.path()).env_clear().args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// Runs what must work, and reads its JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// The ids that a list has, in its order.
    fn listed(&self, arguments: &[&str]) -> Vec<String> {
        let list = self.json(&[&["grant", "list"], arguments].concat());
        list.as_array().unwrap().iter().map(|grant| grant["grant"].as_str().unwrap().to_owned()).collect()
    }

    /// What this user lets this client have, in a browser of their own.
    async fn tokens(&self, user: &str, asking: &Asking) -> Tokens {
        let mut browser = self.rig.browser();
        let page = browser.open("/authorize", asking).await;
        let signed_in = browser.sign_in(&page, user, crate::rig::PASSWORD).await;
        let page = browser.follow(signed_in).await;
        let answer = if page.status == 303 { page } else { browser.allow(&page.form("consent")).await };
        let code = answer.parameter("code").unwrap_or_else(|| panic!("no code in {answer:?}"));
        let client = asking.client();
        Tokens::of(&self.redeem(&client, &code).await, client, code, browser)
    }

    async fn redeem(&self, client: &str, code: &str) -> Answer {
        let code = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        self.token(client, &code).await
    }

    async fn refresh(&self, client: &str, refresh_token: &str) -> Answer {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    async fn token(&self, client: &str, parameters: &[(&str, &str)]) -> Answer {
        if client == "posting" {
            let credentials = [("client_id", client), ("client_secret", secret_of(client))];
            return self.rig.token(&[parameters, &credentials].concat()).await;
        }
        self.rig.token_by(client, parameters).await
    }

    /// Whether the storage is told that this token is good.
    async fn is_active(&self, access_token: &str) -> bool {
        introspect(&self.rig, access_token).await.json()["active"].as_bool().unwrap()
    }

    /// As its own client is told.
    async fn refresh_token_is_active(&self, refresh_token: &str) -> bool {
        post(&self.rig, "/introspect", "web", &[("token", refresh_token)]).await.json()["active"].as_bool().unwrap()
    }

    /// A session of alice in which grants can be put.
    async fn session(&self) -> Digest {
        let id = Digest::of(b"a session of alice");
        let now = grantd::env::now();
        let session = Session {
            id,
            user: id_of("alice"),
            authenticated_at: now,
            last_used_at: now,
            expires_at: Time(now.0 + 40_000),
            state: SessionState::Live,
        };
        self.rig.put(vec![Change::AddSession { session, credentials_generation: 0 }]).await;
        id
    }
}

/// What a client was given.
struct Tokens {
    client: String,
    code: String,
    access: String,
    refresh: String,
    /// In which it was approved.
    browser: Browser,
}

impl Tokens {
    fn of(answer: &Answer, client: String, code: String, browser: Browser) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let (access, refresh) = (answer.member("access_token"), answer.member("refresh_token"));
        Self { client, code, access, refresh, browser }
    }

    /// Trades the refresh token in; gives the old one.
    async fn rotate(&mut self, office: &Office) -> String {
        let answer = office.refresh(&self.client, &self.refresh).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.access = answer.member("access_token");
        std::mem::replace(&mut self.refresh, answer.member("refresh_token"))
    }

    /// The `jti`, which begins with the grant's id.
    fn jti(&self) -> String {
        crate::flow::claims(&self.access)["jti"].as_str().unwrap().to_owned()
    }

    fn grant(&self) -> String {
        self.jti().split('.').next().unwrap().to_owned()
    }
}

/// What `web` asks of both resources.
fn of_both(rig: &Rig) -> Asking {
    let asking = Asking::of_web().with("scope", "boxes:list letters:read mail:send");
    asking.and("resource", &rig.shop.id()).and("resource", crate::rig::MAIL)
}

/// What `posting` asks.
fn of_posting() -> Asking {
    Asking::of("posting", "https://posting.example/callback")
}

/// A grant like this one, with another id.
fn another(grant: &Grant, id: &str, session: Digest, created_at: Time) -> Grant {
    Grant { id: GrantId::new(id), client: ClientId::new("web"), session, created_at, ..grant.clone() }
}

const CONFIG: &str = "\
issuer = \"https://id.example\"
http.trusted_proxies = [\"127.0.0.1\"]
keys.key_encryption_key_file = \"grantd.db.key\"
";
