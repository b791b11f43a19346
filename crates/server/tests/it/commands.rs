//! The command line, as somebody types it: the real binary in a folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd::keys::{KekSource, Keys};
use grantd::password::{HashAge, PasswordHasher, Verification};
use grantd_protocol::names::{Issuer, Username};
use grantd_protocol::records::{PasswordHash, User};
use grantd_store::{KeyChange, Store, StoredKey};
use grantd_tokens::{Algorithm, PrivateKey, Time};
use serde_json::Value;
use tempfile::TempDir;

use crate::rig::database;

pub(crate) const GRANTD: &str = env!("CARGO_BIN_EXE_grantd");

/// A folder with a `grantd.toml`, a database, and files with secrets.
pub(crate) struct Folder(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::filled(TempDir::new().unwrap())
    }

    /// Its database is a file, whatever was chosen: for what is about files, and about what grantd makes by itself.
    fn with_a_file() -> Self {
        let folder = TempDir::new().unwrap();
        database::is_a_file_in(folder.path());
        Self::filled(folder)
    }

    fn filled(folder: TempDir) -> Self {
        let folder = Self(folder);
        folder.write("grantd.toml", &folder.config(), 0o644);
        folder.write("lockbox.toml", LOCKBOX, 0o644);
        folder.write("password.txt", "letters for a rainy day\n", 0o600);
        folder.write("ann.password", "another day, another letter\n", 0o600);
        folder.write("bob.password", "parcels for a sunny day\n", 0o600);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// Nothing of the environment of the test but where programs are.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let here = Path::new(GRANTD).parent().unwrap().display().to_string();
        command.current_dir(self.0.path()).env_clear().env("PATH", format!("{here}:/usr/bin:/bin"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(GRANTD);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs what must work, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    pub(crate) fn with_lockbox(self) -> Self {
        self.done(&["resource", "add", "--from", "lockbox.toml"]);
        self
    }

    /// As after a first start, and one with the name of RFC 8037 appendix A.3.
    async fn with_signing_keys(&self) {
        let issuer = Issuer::new("https://id.example");
        let kek = KekSource::File(self.path("key-encryption.key"));
        let keys = Keys::open(self.store(), issuer.clone(), &kek, Algorithm::Es256).await.unwrap();
        let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        // RFC 8410 §7: the PKCS #8 frame of an Ed25519 seed.
        let frame = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let key = PrivateKey::from_pkcs8(Algorithm::EdDsa, &[&frame[..], &seed].concat()).unwrap();
        assert_eq!(key.kid(), NAMED);
        let sealed = key.seal(&kek.open().unwrap(), issuer.as_str()).unwrap();
        let now = grantd::env::now();
        let change = KeyChange::Add(StoredKey { sealed, created_at: now, active_from: now });
        self.store().change_signing_keys(&issuer, keys.ring().revision, &[change]).await.unwrap();
    }

    fn config(&self) -> String {
        let (setting, value) = database::setting_of(self.0.path());
        format!("{CONFIG}{setting} = \"{value}\"\n")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&database::of(self.0.path())).unwrap()
    }

    /// Whether any file of the folder, or its database, holds these bytes.
    fn holds(&self, secret: &str) -> bool {
        contains(&database::on_disk(self.0.path()), secret.as_bytes())
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn add_web(folder: &Folder) -> Value {
    folder.json(&[
        "client",
        "add",
        "--id",
        "mail-reader",
        "--name",
        "Mail Reader",
        "--kind",
        "web",
        "--redirect-uri",
        WEB,
    ])
}

const NAMED: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const WEB: &str = "https://reader.example/callback";
const CONFIG: &str = "\
issuer = \"https://id.example\"
http.trusted_proxies = [\"127.0.0.1\"]
keys.key_encryption_key_file = \"key-encryption.key\"
";
const LOCKBOX: &str = r#"
[[resource]]
id = "https://lockbox.example/"
name = "Lockboxes"
scopes = [{ name = "mail.read", description = "See which letters have arrived" }]

[[resource.detail_types]]
name = "https://lockbox.example/types/lockbox"
title = "Lockboxes"
actions = [{ name = "read", description = "look inside" }]
"#;

// ---- help ----

#[test]
fn grantd_alone_shows_three_things_to_try() {
    let ended = Folder::new().done(&[]);
    for command in ["grantd demo", "grantd serve --dev", "grantd check"] {
        assert!(ended.out.contains(command), "{}", ended.out);
    }
    assert_eq!(ended.err, "");
}

/// Every command there is, found by asking each for its own commands.
fn all_commands(folder: &Folder, words: &[String]) -> Vec<(Vec<String>, String)> {
    let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let help = folder.done(&arguments).out;
    let block = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    let names: Vec<&str> = block
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if names.is_empty() {
        return vec![(words.to_vec(), help)];
    }
    names.iter().flat_map(|name| all_commands(folder, &[words, &[(*name).to_owned()]].concat())).collect()
}

fn documented_lines() -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/command-line.md"));
    page.unwrap().lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

#[test]
fn every_command_has_examples_and_the_manual_has_each_of_them() {
    let documented: BTreeSet<String> = documented_lines().into_iter().collect();
    let commands = all_commands(&Folder::new(), &[]);
    assert!(commands.len() >= 18, "{}", commands.len());
    for (words, help) in commands {
        let examples = help.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{words:?} has no examples:\n{help}"));
        let examples: Vec<&str> =
            examples.lines().map(str::trim).take_while(|line| line.starts_with("grantd ")).collect();
        assert!(!examples.is_empty(), "{words:?}");
        for example in examples {
            assert!(documented.contains(example), "docs/reference/command-line.md does not have: {example}");
        }
    }
}

#[tokio::test]
async fn every_line_of_the_manual_does_what_it_says() {
    let folder = Folder::with_a_file();
    folder.with_signing_keys().await;
    let token = crate::commands_grants::guide::furnish(&folder.store(), &Issuer::new("https://id.example")).await;
    folder.write("token.txt", &token, 0o600);
    for line in documented_lines() {
        if line.starts_with("grantd serve") {
            let port = free_port();
            let line = match line.split_once(":9000") {
                Some((before, after)) => format!("{before}:{port}{after}"),
                None => format!("{line} --set http.listen=127.0.0.1:{port}"),
            };
            // A grantd.toml for production does not do for development.
            let dev = line.contains("--dev");
            let elsewhere = TempDir::new().unwrap();
            let mut command = folder.command("sh");
            if dev {
                command.current_dir(elsewhere.path());
            }
            let server = Server::start(command.args(["-c", &format!("exec {line}")]));
            assert!(server.first_line.starts_with("grantd answers at "), "{line}: {}", server.first_line);
            assert_eq!(server.stop(), 0, "{line}");
        } else if line.ends_with("--follow") {
            // Something has happened by now, and is shown before it waits for more.
            let following = Server::start(folder.command("sh").args(["-c", &format!("exec {line}")]));
            assert!(following.first_line.starts_with("WHEN"), "{}", following.first_line);
            assert_eq!(following.stop(), 0, "{line}");
        } else if line == "grantd demo" {
            let server = Server::start(folder.command("sh").args(["-c", "exec grantd demo"]));
            assert!(server.first_line.contains("post office is open"), "{}", server.first_line);
            assert_eq!(server.stop(), 0, "{line}");
        } else {
            let output = folder.command("sh").args(["-c", &line]).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn every_line_of_the_readme_does_what_it_says() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    let elsewhere = TempDir::new().unwrap();
    let in_a_new_folder = |line: &str| {
        let mut command = Folder::new().command("sh");
        command.current_dir(elsewhere.path()).args(["-c", line]);
        command
    };
    let (serve, others) = lines.split_first().unwrap();
    assert_eq!(*serve, "grantd serve --dev");
    let server =
        Server::start(&mut in_a_new_folder(&format!("exec {serve} --set http.listen=127.0.0.1:{}", free_port())));
    assert!(server.first_line.starts_with("grantd answers at "), "{}", server.first_line);
    for line in others {
        let output = in_a_new_folder(line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(server.stop(), 0);
}

// ---- clients ----

// proves: ADMIN-04
#[test]
fn a_generated_secret_is_shown_once_and_kept_as_a_hash() {
    let folder = Folder::new().with_lockbox();
    let added = add_web(&folder);
    let secret = added["client_secret"].as_str().unwrap();
    assert_eq!(added["client_id"], "mail-reader");
    assert!(secret.len() >= 43);
    for arguments in [&["client", "show", "mail-reader"][..], &["client", "list"]] {
        let ended = folder.done(arguments);
        assert!(!ended.out.contains(secret) && !ended.out.contains("client_secret "), "{}", ended.out);
        assert!(!folder.json(arguments).to_string().contains("client_secret\":"));
    }
    assert!(!folder.holds(secret), "the database holds the secret");
    let digest = grantd_tokens::Secret::new(secret).hash().to_base64url();
    assert!(folder.holds(&digest), "nothing is kept that the secret could be compared with");
}

#[test]
fn a_refused_client_is_told_all_reasons_and_nothing_is_registered() {
    let folder = Folder::new().with_lockbox();
    let ended = folder.run(&[
        "client",
        "add",
        "--name",
        "Mail",
        "--kind",
        "native",
        "--auth-method",
        "client_secret_basic",
        "--redirect-uri",
        "http://evil.example/cb",
        "--redirect-uri",
        "myapp:/cb",
        "--json",
    ]);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.out, "", "stdout is for answers");
    for rule in ["(NATIVE-01)", "(REDIR-04)", "(REDIR-07)", "fix: "] {
        assert!(ended.err.contains(rule), "{}", ended.err);
    }
    assert_eq!(folder.json(&["client", "list"]), serde_json::json!([]));
}

#[test]
fn an_id_is_given_once() {
    let folder = Folder::new().with_lockbox();
    add_web(&folder);
    let again = folder.run(&[
        "client",
        "add",
        "--id",
        "mail-reader",
        "--name",
        "Other",
        "--kind",
        "web",
        "--redirect-uri",
        WEB,
    ]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("there is a client \"mail-reader\" already"), "{}", again.err);
    assert_eq!(folder.json(&["client", "show", "mail-reader"])["name"], "Mail Reader");
}

#[test]
fn a_rotated_secret_leaves_the_old_one_for_a_while_or_not_at_all() {
    let folder = Folder::new().with_lockbox();
    let first = add_web(&folder)["client_secret"].clone();
    let rotated = folder.json(&["client", "rotate-secret", "mail-reader"]);
    assert_ne!(rotated["client_secret"], first);
    let live = |shown: &Value| shown["secrets"].as_array().unwrap().len();
    assert_eq!(live(&rotated), 2);
    folder.done(&["client", "rotate-secret", "mail-reader"]);
    assert_eq!(live(&folder.json(&["client", "show", "mail-reader"])), 2, "never more than two");
    assert_eq!(live(&folder.json(&["client", "rotate-secret", "mail-reader", "--now"])), 1);

    folder.done(&[
        "client",
        "add",
        "--id",
        "cli",
        "--name",
        "CLI",
        "--kind",
        "native",
        "--redirect-uri",
        "http://127.0.0.1/cb",
    ]);
    let public = folder.run(&["client", "rotate-secret", "cli"]);
    assert_eq!(public.code, 1);
    assert!(public.err.contains("is public"), "{}", public.err);
}

#[test]
fn a_secret_made_elsewhere_comes_from_a_file_or_stdin() {
    let folder = Folder::new().with_lockbox();
    let secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    folder.write("web.secret", secret, 0o600);
    let add = |id: &'static str, how: &[&'static str]| {
        let fixed = ["client", "add", "--id", id, "--name", "Web", "--kind", "web", "--redirect-uri", WEB, "--json"];
        [&fixed[..], how].concat()
    };
    let from_file = folder.done(&add("one", &["--secret-file", "web.secret"]));
    assert!(!from_file.out.contains("client_secret\":"), "{}", from_file.out);
    assert_eq!(folder.run_with(&add("two", &["--secret-stdin"]), secret).code, 0);
    let weak = folder.run_with(&add("three", &["--secret-stdin"]), "hunter2\n");
    assert_eq!(weak.code, 1);
    assert!(weak.err.contains("CAUTH-06") && !weak.err.contains("hunter2"), "{}", weak.err);
    folder.write("open.secret", secret, 0o644);
    assert_eq!(folder.run(&add("four", &["--secret-file", "open.secret"])).code, 77);
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let folder = Folder::new();
    for arguments in [
        ["client", "show", "nobody"],
        ["client", "remove", "nobody"],
        ["client", "rotate-secret", "nobody"],
        ["client", "disable", "nobody"],
        ["client", "enable", "nobody"],
        ["user", "show", "nobody"],
        ["user", "disable", "two words"],
        ["resource", "show", "https://nowhere.example/"],
        ["resource", "remove", "https://nowhere.example/"],
    ] {
        let ended = folder.run(&arguments);
        assert_eq!(ended.code, 1, "{arguments:?}");
        assert!(ended.err.starts_with("error: there is no ") && ended.err.contains("fix: "), "{}", ended.err);
    }
}

#[test]
fn a_client_is_switched_off_and_on() {
    let folder = Folder::new().with_lockbox();
    add_web(&folder);
    let status = || folder.json(&["client", "show", "mail-reader"])["status"].clone();
    let off = folder.done(&["client", "disable", "mail-reader"]);
    assert!(off.err.contains("every token that it holds for itself has ended; no grant stood"), "{}", off.err);
    assert_eq!(status(), "disabled");
    assert_eq!(folder.json(&["client", "enable", "mail-reader"])["status"], "active");
    assert_eq!(status(), "active");
}

#[test]
fn a_resource_server_is_registered_with_a_secret_and_without_a_grant() {
    let folder = Folder::new().with_lockbox();
    let add = ["client", "add", "--id", "api", "--name", "API", "--kind", "service", "--introspects"];
    let added = folder.json(&[&add[..], &["https://lockbox.example/"]].concat());
    assert!(added["client_secret"].is_string(), "{added}");
    assert_eq!(added["introspects"], serde_json::json!(["https://lockbox.example/"]));
    assert_eq!(added["grant_types"], serde_json::json!([]));
    let unknown =
        folder.run(&["client", "add", "--name", "X", "--kind", "service", "--introspects", "https://x.example/"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("introspects[0]") && unknown.err.contains("RESIND-02"), "{}", unknown.err);
    let removed = folder.done(&["resource", "remove", "https://lockbox.example/"]);
    assert!(removed.err.contains("api"), "{}", removed.err);
}

#[test]
fn removing_takes_away_and_says_who_is_left_behind() {
    let folder = Folder::new().with_lockbox();
    add_web(&folder);
    let removed = folder.done(&["resource", "remove", "https://lockbox.example/"]);
    assert!(removed.err.contains("mail-reader"), "{}", removed.err);
    folder.done(&["client", "remove", "mail-reader"]);
    assert_eq!(folder.run(&["client", "show", "mail-reader"]).code, 1);
}

// ---- users ----

async fn user(folder: &Folder, username: &str) -> User {
    let (issuer, username) = (Issuer::new("https://id.example"), Username::parse(username).unwrap());
    folder.store().user_by_username(&issuer, &username).await.unwrap().unwrap()
}

async fn verification(folder: &Folder, username: &str, password: &str) -> Verification {
    let user = user(folder, username).await;
    let hasher = PasswordHasher::new(1, 1, Duration::from_secs(20));
    hasher.verify(user.password.as_ref().map(PasswordHash::expose), password).await.unwrap()
}

#[tokio::test]
async fn a_password_comes_from_stdin_or_a_file_and_is_kept_as_an_argon2id_hash() {
    let folder = Folder::new();
    let added = folder.run_with(&["user", "add", "Ann", "--password-stdin"], "letters for a rainy day\n");
    assert_eq!(added.code, 0, "{added:?}");
    assert!(!format!("{}{}", added.out, added.err).contains("argon2"), "a hash was printed");
    assert_eq!(verification(&folder, "ann", "letters for a rainy day").await, Verification::Correct(HashAge::Current));
    folder.done(&["user", "set-password", "ann", "--password-file", "ann.password"]);
    assert_eq!(verification(&folder, "ann", "letters for a rainy day").await, Verification::Wrong);
    assert_eq!(
        verification(&folder, "ann", "another day, another letter").await,
        Verification::Correct(HashAge::Current)
    );
    assert_eq!(user(&folder, "ann").await.credentials_generation, 1, "what was granted before has ended");
}

// proves: LOGIN-02
#[test]
fn a_weak_password_is_refused_and_never_repeated() {
    let folder = Folder::new();
    for password in ["too short", "passwordpassword", "annannannannann"] {
        let ended = folder.run_with(&["user", "add", "ann", "--password-stdin"], password);
        assert_eq!(ended.code, 1, "{password}");
        assert!(ended.err.contains("(LOGIN-02)") && !ended.err.contains(password), "{}", ended.err);
    }
    assert_eq!(folder.run_with(&["user", "add", "ann", "--password-stdin"], "").code, 1);
    assert_eq!(
        folder.run(&["user", "add", "ann", "--password", "letters for a rainy day"]).code,
        2,
        "not typed in the open"
    );
    assert_eq!(folder.json(&["user", "list"]), serde_json::json!([]));
    let short_in_development =
        ["user", "add", "ann", "--password-stdin", "--dev", "--set", "issuer=http://localhost:8420"];
    let ended = folder.run_with(&short_in_development, "rainy day");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.err.contains("outside of --dev at least 15 are needed"), "{}", ended.err);
}

// proves: LOGIN-05, LOGIN-16
#[test]
fn usernames_are_unique_in_their_stored_form_and_never_anothers_subject() {
    let folder = Folder::new();
    folder.done(&["user", "add", "ann"]);
    folder.done(&["user", "add", "bob", "--id", "user-17"]);
    for (arguments, rule) in [
        (&["user", "add", "ANN"][..], "(LOGIN-05)"),
        (&["user", "add", "p\u{430}ul"], "(LOGIN-05)"),
        (&["user", "add", "user-17"], "(LOGIN-16)"),
        (&["user", "add", "carol", "--id", "ann"], "(LOGIN-16)"),
        (&["user", "add", "carol", "--id", "user-17"], "(LOGIN-16)"),
        (&["user", "add", "carol", "--id", "client:x"], "(TOKEN-11)"),
    ] {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, 1, "{arguments:?}");
        assert!(ended.err.contains(rule), "{}", ended.err);
    }
    assert_eq!(folder.json(&["user", "list"]).as_array().unwrap().len(), 2);
    folder.done(&["user", "add", "carol", "--id", "user-18"]);
}

#[test]
fn a_user_is_locked_out_let_in_and_removed() {
    let folder = Folder::new();
    folder.done(&["user", "add", "ann"]);
    let status = || folder.json(&["user", "show", "ANN"])["status"].clone();
    assert_eq!(status(), "active");
    folder.done(&["user", "disable", "ann"]);
    assert_eq!(status(), "disabled");
    folder.done(&["user", "enable", "ann"]);
    assert_eq!(status(), "active");
    folder.done(&["user", "remove", "ann"]);
    assert_eq!(folder.run(&["user", "show", "ann"]).code, 1);
}

// ---- resources ----

#[test]
fn a_resource_comes_from_flags_or_from_a_file_with_places_for_faults() {
    let folder = Folder::new();
    let added = folder.json(&[
        "resource",
        "add",
        "--id",
        "https://api.example/",
        "--name",
        "API",
        "--scope",
        "read=Read",
        "--access-token-lifetime",
        "2m",
    ]);
    assert_eq!(added["access_token_lifetime"], 120);
    assert_eq!(added["access_token_format"], "jwt");
    let opaque = ["resource", "add", "--id", "https://safe.example/", "--name", "Safe", "--access-tokens"];
    assert_eq!(folder.json(&[&opaque[..], &["opaque"]].concat())["access_token_format"], "opaque");
    let list = folder.done(&["resource", "list"]).out;
    assert!(list.contains("ACCESS_TOKEN_FORMAT") && list.contains("opaque"), "{list}");
    let neither = folder.run(&[&opaque[..], &["reference"]].concat());
    assert_eq!(neither.code, 1);
    assert!(neither.err.contains("AT-07"), "{}", neither.err);
    let from_file = folder.json(&["resource", "add", "--from", "lockbox.toml"]);
    assert_eq!(from_file["authorization_details_types"][0]["actions"][0], "read");
    folder.write("bad.toml", &LOCKBOX.replace("\"look inside\"", "\"\"").replace("mail.read", "mail read"), 0o644);
    let bad = folder.run(&["resource", "add", "--from", "bad.toml"]);
    assert_eq!(bad.code, 78);
    assert!(bad.err.contains("bad.toml:5:20: ") && bad.err.contains("bad.toml:10:43: "), "{}", bad.err);
    folder.write("other.toml", "issuer = \"x\"\n", 0o644);
    assert!(folder.run(&["resource", "add", "--from", "other.toml"]).err.contains("other.toml:1:1: issuer"));
}

// ---- checking ----

#[test]
fn check_says_ok_or_every_fault_with_its_place() {
    let folder = Folder::with_a_file();
    let ok = folder.done(&["check"]);
    assert_eq!(ok.out, "ok\n");
    assert!(!folder.path("grantd.db").exists(), "checking makes nothing");
    assert_eq!(folder.json(&["check"])["ok"], true);

    folder.write("grantd.toml", &format!("{}[lifetimes]\naccess_token = \"2h\"\nsesion = 5\n", folder.config()), 0o644);
    let bad = folder.run(&["check"]);
    assert_eq!((bad.code, bad.out.as_str()), (78, ""));
    assert!(
        bad.err.contains("grantd.toml:6:16: lifetimes.access_token") && bad.err.contains("did you mean"),
        "{}",
        bad.err
    );
    let bad = folder.run(&["check", "--json"]);
    assert_eq!(bad.code, 78);
    let faults: Value = serde_json::from_str(&bad.out).unwrap();
    assert_eq!(faults["faults"][1]["line"], 6, "{faults}");
    assert_eq!(faults["faults"][1]["fix"], "write at most \"1h\"");
}

#[test]
fn check_opens_what_the_configuration_names() {
    let folder = Folder::with_a_file();
    let check = |settings: &[&str]| {
        let arguments: Vec<&str> =
            ["check"].into_iter().chain(settings.iter().flat_map(|set| ["--set", set])).collect();
        folder.run(&arguments)
    };
    folder.write("key-encryption.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o600);
    assert_eq!(check(&[]).code, 0);
    folder.write("key-encryption.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o644);
    let open_key = check(&[]);
    assert_eq!(open_key.code, 78);
    assert!(open_key.err.contains("fix: run: chmod 600") && !open_key.err.contains("AAAA"), "{}", open_key.err);
    folder.write("key-encryption.key", "not a key", 0o600);
    assert_eq!(check(&[]).code, 78);
    fs::remove_file(folder.path("key-encryption.key")).unwrap();

    for setting in ["fetch.extra_ca=ca.pem", "database.path=nowhere/grantd.db", "database.path=password.txt"] {
        let ended = check(&[setting]);
        let name = setting.split('=').next().unwrap();
        assert_eq!(ended.code, 78, "{setting}");
        assert!(ended.err.contains(&format!("--set {name}: {name}: ")) && ended.err.contains("fix: "), "{}", ended.err);
    }
    assert_eq!(check(&["tls.certificate=c.pem", "tls.key=k.pem"]).code, 78);
    let made = rcgen::generate_simple_self_signed(["id.example".to_owned()]).unwrap();
    folder.write("c.pem", &made.cert.pem(), 0o644);
    let missing = check(&["tls.certificate=c.pem", "tls.key=k.pem"]);
    assert!(missing.err.contains("--set tls.key: tls.key: cannot use k.pem"), "{}", missing.err);
    folder.write("k.pem", &made.signing_key.serialize_pem(), 0o644);
    let open = check(&["tls.certificate=c.pem", "tls.key=k.pem"]);
    assert!(
        open.err.contains("--set tls.key: tls.key: ") && open.err.contains("fix: run: chmod o= k.pem"),
        "{}",
        open.err
    );
}

#[tokio::test]
async fn check_refuses_keys_that_the_start_could_not_open() {
    let folder = Folder::with_a_file();
    let store = folder.store();
    let kek = KekSource::File(folder.path("key-encryption.key"));
    drop(Keys::open(store, Issuer::new("https://id.example"), &kek, Algorithm::Es256).await.unwrap());
    folder.done(&["check"]);

    fs::remove_file(folder.path("key-encryption.key")).unwrap();
    let gone = folder.run(&["check"]);
    assert_eq!(gone.code, 78, "{}", gone.err);
    assert!(gone.err.contains("key-encryption.key is not there") && gone.err.contains("fix: put back"), "{}", gone.err);
    assert!(!folder.path("key-encryption.key").exists(), "checking makes nothing");

    folder.write("key-encryption.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0o600);
    let another = folder.run(&["check"]);
    assert_eq!(another.code, 78, "{}", another.err);
    assert!(another.err.contains("does not open") && another.err.contains("fix: put back"), "{}", another.err);
}

#[test]
fn check_shows_where_each_value_comes_from_and_no_secret() {
    let folder = Folder::new();
    let key = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";
    let output = folder
        .command(GRANTD)
        .args(["check", "--show", "--set", "log.level=warn"])
        .env("GRANTD_KEYS__KEY_ENCRYPTION_KEY", key)
        .env("GRANTD_LIFETIMES__SESSION", "10h")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let line = |begins: &str| {
        shown.lines().find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("{begins}: {shown}"))
    };
    assert!(line("issuer = \"https://id.example\"").ends_with("# grantd.toml:1:10"));
    assert!(line("lifetimes.session = \"10h\"").ends_with("# GRANTD_LIFETIMES__SESSION"));
    assert!(line("log.level = \"warn\"").ends_with("# --set log.level"));
    assert!(line("lifetimes.access_token = \"5m\"").ends_with("# default"));
    assert!(line("keys.key_encryption_key = (secret)").ends_with("# GRANTD_KEYS__KEY_ENCRYPTION_KEY"));
    assert!(!shown.contains(key) && !String::from_utf8_lossy(&output.stderr).contains(key));
}

// ---- signing keys ----

/// State and times of each key, by name.
fn listed(folder: &Folder) -> BTreeMap<String, Value> {
    let keys = folder.json(&["key", "list"]);
    keys.as_array().unwrap().iter().map(|key| (key["kid"].as_str().unwrap().to_owned(), key.clone())).collect()
}

fn in_state<'a>(keys: &'a BTreeMap<String, Value>, algorithm: &str, state: &str) -> Vec<&'a str> {
    let fits = |key: &Value| key["algorithm"] == algorithm && key["state"] == state;
    keys.iter().filter(|(_, key)| fits(key)).map(|(kid, _)| kid.as_str()).collect()
}

#[test]
fn before_the_first_start_there_are_no_keys_to_list_or_change() {
    let folder = Folder::new();
    assert_eq!(folder.done(&["key", "list"]).out, "there are no signing keys yet\n");
    let refused = folder.run(&["key", "rotate"]);
    assert!(refused.code == 1 && refused.err.contains("fix: start the server"), "{refused:?}");
    let refused = folder.run(&["key", "remove", NAMED, "--yes"]);
    assert!(refused.code == 1 && refused.err.contains("fix: `grantd key list` shows all"), "{refused:?}");
    assert!(!folder.path("key-encryption.key").exists(), "a command makes no key-encryption key");
}

#[tokio::test]
async fn a_rotation_announces_the_next_keys_once_and_lets_them_begin_at_once_where_that_is_asked_for() {
    let folder = Folder::new();
    folder.with_signing_keys().await;
    let before = listed(&folder);
    assert_eq!(in_state(&before, "EdDSA", "active"), [NAMED]);
    let made = folder.json(&["key", "rotate"]);
    assert_eq!(made.as_array().unwrap().len(), 2, "one of each algorithm: {made}");
    let keys = listed(&folder);
    let next = in_state(&keys, "EdDSA", "next")[0];
    assert_eq!(keys[next]["until"], keys[NAMED]["until"], "when the one begins the other ends");
    let refused = folder.run(&["key", "rotate"]);
    assert!(refused.code == 1 && refused.err.contains("grantd key rotate --now"), "{refused:?}");
    assert_eq!(listed(&folder), keys);

    let done = folder.done(&["key", "rotate", "--now"]);
    assert!(done.out.contains(next) && done.err.contains("once a minute"), "{done:?}");
    // What began in this very second is a second late.
    std::thread::sleep(Duration::from_millis(1100));
    let keys = listed(&folder);
    assert_eq!((in_state(&keys, "EdDSA", "active"), in_state(&keys, "EdDSA", "retired")), (vec![next], vec![NAMED]));
}

#[tokio::test]
async fn a_key_is_removed_when_one_says_so_twice_and_another_takes_over() {
    let folder = Folder::new();
    folder.with_signing_keys().await;
    let asked = folder.run(&["key", "remove", NAMED]);
    assert!(asked.code == 1 && asked.err.contains(&format!("run: grantd key remove {NAMED} --yes")), "{asked:?}");
    assert_eq!(listed(&folder)[NAMED]["state"], "active");

    let removed = folder.done(&["key", "remove", NAMED, "--yes"]);
    assert!(removed.err.contains("5 minutes after it was fetched"), "{removed:?}");
    std::thread::sleep(Duration::from_millis(1100));
    let keys = listed(&folder);
    assert_eq!((keys[NAMED]["state"].as_str(), &keys[NAMED]["until"]), (Some("removed"), &Value::Null));
    let heir = in_state(&keys, "EdDSA", "active");
    assert!(heir.len() == 1 && removed.out.contains(heir[0]), "{removed:?}");
    let again = folder.run(&["key", "remove", NAMED, "--yes"]);
    assert!(again.code == 1 && again.err.contains("was removed before, at 20"), "{again:?}");
    let removed = folder.store().removed_keys(&Issuer::new("https://id.example"), Time(0)).await.unwrap();
    assert_eq!(removed.len(), 1);
}

#[tokio::test]
async fn keys_that_do_not_open_are_not_rotated_and_can_be_listed() {
    let folder = Folder::with_a_file();
    folder.with_signing_keys().await;
    let before = listed(&folder);
    fs::remove_file(folder.path("key-encryption.key")).unwrap();
    let refused = folder.run(&["key", "rotate"]);
    assert!(refused.code == 78 && refused.err.contains("put back the key-encryption key"), "{refused:?}");
    assert_eq!(listed(&folder), before);
}

// ---- exit codes ----

#[test]
fn the_exit_code_says_what_kind_of_trouble_it_is() {
    let folder = Folder::with_a_file();
    assert_eq!(folder.run(&["nonsense"]).code, 2);
    assert_eq!(folder.run(&["client", "add"]).code, 2);
    assert_eq!(folder.run(&["user", "set-password", "ann"]).code, 2);
    assert_eq!(folder.run(&["serve", "--ephemeral"]).code, 2);
    assert_eq!(folder.run(&["client", "list", "--set", "issuer=http://id.example"]).code, 78);
    assert_eq!(folder.run(&["client", "list", "--set", "database.path=nowhere/g.db"]).code, 78);
    assert_eq!(folder.run(&["client", "list", "--config", "nowhere.toml"]).code, 78);
    let full = folder.command("sh").args(["-c", "grantd client list > /dev/full"]).output().unwrap();
    assert_eq!(full.status.code(), Some(74));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    assert_eq!(folder.run(&["serve", "--listen", &listen]).code, 69);
    for arguments in [&["--version"][..], &["--help"], &["client", "--help"]] {
        let ended = folder.done(arguments);
        assert!(ended.err.is_empty() && !ended.out.is_empty());
        assert!(!ended.out.contains('\u{1b}'), "no colours where nobody sees them");
    }
}

// ---- serving ----

/// A started `grantd serve`.
pub(crate) struct Server {
    child: Child,
    pub(crate) first_line: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first_line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first_line).unwrap();
        if first_line.is_empty() {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("it ended: {errors}");
        }
        // What else it says must not fill the pipes.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let mut errors = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Self { child, first_line }
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn stop(mut self) -> i32 {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_development_server_answers_with_what_was_declared_while_commands_change_it() {
    let folder = Folder::new();
    let port = free_port();
    let declared = format!(
        "http.listen = \"127.0.0.1:{port}\"\n{LOCKBOX}\n[[client]]\nid = \"declared\"\nname = \"Declared\"\nkind = \"native\"\nredirect_uris = [\"http://127.0.0.1/cb\"]\n\n[[user]]\nusername = \"ann\"\npassword_file = \"password.txt\"\n"
    );
    folder.write("grantd.toml", &declared, 0o644);
    let server = Server::start(folder.command(GRANTD).args(["serve", "--dev", "--json"]));
    let first: Value = serde_json::from_str(&server.first_line).unwrap();
    assert_eq!(first["issuer"], format!("http://localhost:{port}"));
    let metadata =
        reqwest::get(format!("http://localhost:{port}/.well-known/oauth-authorization-server")).await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["issuer"], first["issuer"], "byte for byte");

    let client = folder.json(&["client", "show", "declared", "--dev"]);
    assert_eq!(client["kind"], "native");
    assert_eq!(folder.json(&["user", "list", "--dev"]).as_array().unwrap().len(), 1);
    let added =
        ["client", "add", "--dev", "--name", "Late", "--kind", "native", "--redirect-uri", "http://127.0.0.1/cb"];
    let late = folder.json(&added)["client_id"].as_str().unwrap().to_owned();
    let asked = format!("http://localhost:{port}/authorize?client_id={late}&redirect_uri=http%3A%2F%2Fevil.example%2F");
    let refused = reqwest::get(asked).await.unwrap();
    assert_eq!(refused.status(), 400);
    let page = refused.text().await.unwrap();
    assert!(page.contains("not one that the application registered"), "the new client is known: {page}");
    assert_eq!(server.stop(), 0);
    let again = Server::start(folder.command(GRANTD).args(["serve", "--dev"]));
    assert_eq!(again.stop(), 0, "declared users are there already");
}

#[test]
fn an_ephemeral_server_leaves_nothing_behind() {
    let folder = Folder::new();
    fs::remove_file(folder.path("grantd.toml")).unwrap();
    let before = fs::read_dir(folder.0.path()).unwrap().count();
    let listen = format!("127.0.0.1:{}", free_port());
    let server = Server::start(folder.command(GRANTD).args(["serve", "--dev", "--ephemeral", "--listen", &listen]));
    assert_eq!(server.stop(), 0);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), before);
}
