//! The configuration: what is taken, and for every fault its place and its remedy.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use grantd::config::{Config, ConfigFaults, KEYS, Kind, Origin, Sources, reference};
use grantd::keys::KekSource;
use grantd::pages::Mode;
use grantd_protocol::records::AccessTokenFormat;
use grantd_store::{Location, PostgresServer};
use grantd_tokens::{Algorithm, Seconds, Time};
use tempfile::TempDir;

/// A directory with a `grantd.toml`, and what else was said.
struct Scene {
    directory: TempDir,
    sources: Sources,
}

impl Scene {
    fn new(mode: Mode, toml: &str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("grantd.toml"), toml).unwrap();
        let sources = Sources {
            mode,
            file: None,
            settings: Vec::new(),
            environment: Vec::new(),
            directory: directory.path().to_owned(),
        };
        Self { directory, sources }
    }

    fn production(toml: &str) -> Self {
        Self::new(Mode::Production, toml)
    }

    fn development(toml: &str) -> Self {
        Self::new(Mode::Development, toml)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, name: &str, value: &str) -> Self {
        self.sources.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, content: &str, mode: u32) -> Self {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self) -> Config {
        Config::load(&self.sources).unwrap_or_else(|faults| panic!("refused:\n{faults}"))
    }

    /// The faults, without the name of the directory.
    fn faults(&self) -> Vec<String> {
        let Err(ConfigFaults(faults)) = Config::load(&self.sources) else { panic!("it was taken") };
        let directory = format!("{}/", self.directory.path().display());
        faults.iter().map(|fault| fault.to_string().replace(&directory, "")).collect()
    }
}

/// What a production server must say, in two lines.
const MINIMAL: &str = "issuer = \"https://id.example\"\nhttp.trusted_proxies = [\"127.0.0.1\"]\n";

fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}")
}

#[test]
fn the_smallest_configuration_has_every_default() {
    let config = Scene::production(MINIMAL).load();
    assert_eq!(config.settings.issuer.as_str(), "https://id.example");
    assert_eq!(config.settings.access_token_algorithm, Algorithm::Es256);
    assert_eq!(config.settings.lifetimes, grantd_protocol::settings::Lifetimes::default());
    assert_eq!(config.settings.limits, grantd_protocol::settings::Limits::default());
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(config.database, Location::File("/var/lib/grantd/grantd.db".into()));
    assert!(
        matches!(&config.key_encryption_key, KekSource::File(path) if path == Path::new("/var/lib/grantd/key-encryption.key"))
    );
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    let named: Vec<_> = config.effective.iter().map(|effective| effective.name).collect();
    for key in KEYS.iter().filter(|key| key.kind != Kind::Secret) {
        assert_eq!(
            named.iter().filter(|name| **name == key.name).count(),
            1,
            "{} is read once and shown once",
            key.name
        );
    }
}

#[test]
fn development_needs_no_configuration_at_all() {
    let scene = Scene::development("");
    let config = scene.load();
    assert_eq!(config.settings.issuer.as_str(), "http://localhost:8420");
    assert_eq!(config.database, Location::File("grantd-data/grantd.db".into()));
    assert_eq!(config.warnings().len(), 1, "it says so");
    let config = Scene::development("http.listen = \"127.0.0.1:9000\"\ndatabase.path = \":memory:\"").load();
    assert_eq!(config.settings.issuer.as_str(), "http://localhost:9000");
    assert_eq!(config.database, Location::Memory);
    assert!(matches!(config.key_encryption_key, KekSource::Fleeting));
}

#[test]
fn every_setting_can_be_set_in_the_file_and_by_its_variable() {
    let roots = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap().cert.pem();
    for key in KEYS {
        let value = match key.name {
            "issuer" => "https://other.example",
            "http.listen" => "127.0.0.1:9999",
            "http.hosts" => "id.internal",
            "http.trusted_proxies" => "10.0.0.0/8",
            "tls.certificate" | "tls.key" | "database.path" | "fetch.extra_ca" | "keys.key_encryption_key_file" => {
                "some/file"
            }
            "keys.key_encryption_key" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "database.url" => "postgres://grantd@db.example/grantd",
            "database.password" => "a password for the database",
            "database.password_file" => "database.password",
            "database.root_certificates" => "roots.pem",
            "keys.algorithm" => "EdDSA",
            "keys.rotate_every" => "7d",
            "fetch.allow" => "lockbox.internal:8443",
            "fetch.refuse" => "192.0.2.0/24",
            "log.format" => "json",
            "log.level" => "warn",
            lifetime if lifetime.starts_with("lifetimes.") || lifetime == "limits.attempt_window" => "59",
            _ => "7",
        };
        // Certificate and key come together, and no session is idle for longer than it lasts.
        let scene = Scene::production(&with(
            "tls.certificate = \"c\"\ntls.key = \"k\"\nlifetimes.refresh_token_idle = 50\nlifetimes.session_idle = 50\n",
        ));
        let of_postgres = key.name.starts_with("database.") && key.name != "database.path";
        let scene = if of_postgres && key.name != "database.url" {
            scene.variable("GRANTD_DATABASE__URL", "postgres://grantd@db.example/grantd")
        } else {
            scene
        };
        let scene = if of_postgres { scene.variable("GRANTD_KEYS__KEY_ENCRYPTION_KEY_FILE", "key") } else { scene };
        let scene = scene.file("database.password", "letters\n", 0o600).file("roots.pem", &roots, 0o644);
        let config = scene.variable(&key.variable(), value).load();
        let effective = config.effective.iter().find(|effective| effective.name == key.name).unwrap();
        assert_eq!(effective.origin, Origin::Variable(key.variable()), "{}", key.name);
        if key.kind == Kind::Secret {
            assert_eq!(effective.value, "(secret)");
            assert!(!format!("{config:?}").contains(value));
        }
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file() {
    let scene = || Scene::production(&with("[lifetimes]\naccess_token = \"1m\"\n"));
    let origin = |config: &Config| {
        let effective = config.effective.iter().find(|effective| effective.name == "lifetimes.access_token").unwrap();
        (effective.value.clone(), config.settings.lifetimes.access_token)
    };
    assert_eq!(origin(&scene().load()), ("\"1m\"".to_owned(), Seconds(60)));
    let scene_with_variable = || scene().variable("GRANTD_LIFETIMES__ACCESS_TOKEN", "2m");
    assert_eq!(origin(&scene_with_variable().load()), ("\"2m\"".to_owned(), Seconds(120)));
    let all = scene_with_variable().flag("lifetimes.access_token", "180");
    assert_eq!(origin(&all.load()), ("\"3m\"".to_owned(), Seconds(180)));
}

#[test]
fn lists_in_variables_are_commas_or_json() {
    for text in ["10.0.0.1, 10.0.0.2", "[\"10.0.0.1\", \"10.0.0.2\"]"] {
        let config = Scene::production(MINIMAL).variable("GRANTD_HTTP__TRUSTED_PROXIES", text).load();
        assert_eq!(config.http.trusted_proxies.len(), 2, "{text}");
    }
}

#[test]
fn relative_paths_begin_at_the_file_that_names_them() {
    let scene = Scene::production("");
    fs::create_dir(scene.path("etc")).unwrap();
    fs::write(scene.path("etc/g.toml"), with("database.path = \"data/g.db\"\n")).unwrap();
    let mut sources = scene.sources.clone();
    sources.file = Some("etc/g.toml".into());
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database, Location::File(scene.path("etc/data/g.db")));
    sources.environment.push(("GRANTD_DATABASE__PATH".to_owned(), "data/g.db".to_owned()));
    assert_eq!(Config::load(&sources).unwrap().database, Location::File(scene.path("data/g.db")));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let mut scene = Scene::production(MINIMAL);
    scene.sources.file = Some("elsewhere.toml".into());
    let faults = scene.faults();
    assert!(
        faults[0].starts_with("configuration: the configuration file elsewhere.toml: cannot be read"),
        "{faults:?}"
    );
    let scene = Scene::production(MINIMAL).variable("GRANTD_CONFIG", "elsewhere.toml");
    assert_eq!(scene.faults().len(), 1);
}

#[test]
fn a_variable_that_nothing_reads_is_told_what_it_may_have_meant() {
    let fault = |name: &str| Scene::production(MINIMAL).variable(name, "a value").faults().concat();
    for meant in ["GRANTD_LISTEN", "GRANTD_HTTP_LISTEN", "GRANTD_HTTP__LISEN"] {
        let says = fault(meant);
        assert!(says.ends_with("there is no such setting\n    fix: did you mean GRANTD_HTTP__LISTEN?"), "{says}");
    }
    let nobodys = fault("GRANTD_CLIENT__MAIL_READER__SECRET");
    assert!(nobodys.contains("no [[client]] of that name is declared"), "{nobodys}");
    let nobodys = fault("GRANTD_USER__ANN__PASSWORD_FILE");
    assert!(nobodys.contains("no [[user]] of that name is declared"), "{nobodys}");
}

#[test]
fn development_on_the_usual_port_has_the_issuer_without_it() {
    let config = Scene::development("http.listen = \"127.0.0.1:80\"").load();
    assert_eq!(config.settings.issuer.as_str(), "http://localhost");
}

#[test]
fn variables_that_an_orchestrator_makes_for_a_service_called_grantd_are_no_settings() {
    let scene = Scene::production(MINIMAL)
        .variable("GRANTD_SERVICE_HOST", "10.0.0.1")
        .variable("GRANTD_PORT_8420_TCP", "tcp://10.0.0.1:8420")
        .variable("GRANTD_PORT", "tcp://10.0.0.1:8420");
    scene.load();
}

/// Each configuration beside the whole text of its only fault.
#[test]
fn each_fault_has_its_place_its_reason_and_its_remedy() {
    let cases: &[(&str, &str)] = &[
        (
            &with("http.listen = \"localhost\"\n"),
            "grantd.toml:3:15: http.listen = \"localhost\": does not fit there\n    fix: write an address and port, such as 127.0.0.1:8420 or [::1]:8420",
        ),
        (
            &with("[lifetimes]\n\n  access_tokens = \"5m\"\n"),
            "grantd.toml:5:3: lifetimes.access_tokens: there is no such setting\n    fix: did you mean lifetimes.access_token?",
        ),
        (
            &format!("listen = \"127.0.0.1:1\"\n{MINIMAL}"),
            "grantd.toml:1:1: listen: there is no such setting\n    fix: did you mean http.listen?",
        ),
        (
            &with("[lifetimes]\naccess_token = \"2h\"\n"),
            "grantd.toml:4:16: lifetimes.access_token = \"2h\": 2h is not between 1s and 1h (AT-06)\n    fix: write at most \"1h\"",
        ),
        (
            &with("lifetimes.authorization_code = 61"),
            "grantd.toml:3:32: lifetimes.authorization_code = 61: 61s is not between 1s and 1m (CODE-02)\n    fix: write at most \"1m\"",
        ),
        (
            &with("lifetimes.lost_response = 61"),
            "grantd.toml:3:27: lifetimes.lost_response = 61: 61s is not between 0s and 1m (REFRESH-10)\n    fix: write at most \"1m\"",
        ),
        (
            &with("lifetimes.session = \"12 hours\""),
            "grantd.toml:3:21: lifetimes.session = \"12 hours\": does not fit there\n    fix: write a duration, such as \"90s\", \"5m\", \"12h\" or \"14d\"",
        ),
        (
            &with("limits.pending_in_all = 60000"),
            "grantd.toml:3:25: limits.pending_in_all = 60000: does not fit there\n    fix: write a number from 1 to 50000",
        ),
        (
            &with("http.max_connections = \"12\""),
            "grantd.toml:3:24: http.max_connections = \"12\": does not fit there\n    fix: write a number from 1 to 1000000",
        ),
        (
            &with("keys.algorithm = \"RS256\""),
            "grantd.toml:3:18: keys.algorithm = \"RS256\": does not fit there\n    fix: write ES256 or EdDSA",
        ),
        (
            &with("keys.rotate_every = \"36h\""),
            "grantd.toml:3:21: keys.rotate_every = \"36h\": 36h is not between 2d and 366d (KEYS-02)\n    fix: write \"30d\", or another duration from 2d to 366d",
        ),
        (
            &with("keys.key_encryption_key = \"AAAA\""),
            "grantd.toml:3:27: keys.key_encryption_key: a secret in this file would be read by everybody who may read the file\n    fix: take it out, and name a file with the secret in GRANTD_KEYS__KEY_ENCRYPTION_KEY_FILE",
        ),
        (
            &with("database.path = \":memory:\""),
            "grantd.toml:3:17: database.path = \":memory:\": would lose every client, user and approval at the end\n    fix: name a file, or use --dev",
        ),
        (
            &with("tls.key = \"key.pem\""),
            "configuration: tls.certificate: is not set, but tls.key is\n    fix: name the file of the certificate chain",
        ),
        (
            &with("fetch.allow = [\"lockbox.internal\"]"),
            "grantd.toml:3:15: fetch.allow, \"lockbox.internal\": cannot be read\n    fix: write one host and its port, such as localhost:8081 or [::1]:8081",
        ),
        (
            &with("fetch.refuse = [\"10.0.0.0/40\"]"),
            "grantd.toml:3:16: fetch.refuse, \"10.0.0.0/40\": cannot be read\n    fix: write an IP address such as 10.1.2.3, or a range such as 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            &with("http.hosts = [\"*.example\"]"),
            "grantd.toml:3:14: http.hosts = [\"*.example\"]: \"*.example\" is not a host name\n    fix: write names such as \"id.internal:8443\"",
        ),
        (
            &with("log.level = \"grantd=loud=er\""),
            "grantd.toml:3:13: log.level = \"grantd=loud=er\": error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5\n    fix: write a level such as \"info\", or \"target=level\" pairs",
        ),
        (
            &with("http = 5"),
            "grantd.toml:3:1: this is not TOML: duplicate key\n    fix: correct the text at this place (https://toml.io)",
        ),
        (
            &with("limits = 5"),
            "grantd.toml:3:10: limits: 5 stands where a table belongs\n    fix: write [limits], and settings below it",
        ),
        (
            &with("[client]\nid = \"x\""),
            "grantd.toml:3:1: client: a table stands where a list of tables belongs\n    fix: write [[client]], with two brackets, above each",
        ),
    ];
    for (toml, fault) in cases {
        assert_eq!(Scene::production(toml).faults(), [*fault], "{toml}");
    }
}

// proves: META-02, META-08
#[test]
fn an_issuer_is_https_without_query_fragment_or_anything_a_client_might_write_otherwise() {
    let cases: &[(&str, &str)] = &[
        ("https://id.example/", "write \"https://id.example\""),
        ("https://id.example/t/acme/", "write \"https://id.example/t/acme\""),
        ("https://id.example?x=1", "write \"https://id.example\""),
        ("https://id.example/#top", "write \"https://id.example\""),
        ("https://münchen.example", "write the host as browsers send it (xn--…), and the path in ASCII"),
        ("https://id.example#top", "write \"https://id.example\""),
        ("https://ID.example/t", "write \"https://id.example/t\""),
        ("https://id.example:443", "write \"https://id.example\""),
        ("https://ann@id.example", "write \"https://id.example\""),
        ("https://id.example//t", "write the path plainly"),
        ("https://id.example/a/../b", "write the path plainly"),
        ("http://id.example", "write \"https://id.example\""),
        ("http://127.0.0.1:8420", "start with --dev, or use https"),
        ("id.example", "write it in full, such as \"https://id.example.com\""),
        ("https:///t", "write it in full, such as \"https://id.example.com\""),
    ];
    for (issuer, fix) in cases {
        let faults =
            Scene::production(&format!("http.trusted_proxies = [\"127.0.0.1\"]\n\nissuer = \"{issuer}\"")).faults();
        assert_eq!(faults.len(), 1, "{issuer}: {faults:?}");
        assert!(faults[0].starts_with(&format!("grantd.toml:3:10: issuer = \"{issuer}\": ")), "{}", faults[0]);
        assert!(faults[0].ends_with(&format!("\n    fix: {fix}")), "{}", faults[0]);
    }
    for issuer in
        ["https://id.example", "https://id.example:8443", "https://id.example/t/acme", "https://[2001:db8::1]"]
    {
        let config =
            Scene::production(&format!("http.trusted_proxies = [\"127.0.0.1\"]\nissuer = \"{issuer}\"")).load();
        assert_eq!(config.settings.issuer.as_str(), issuer, "byte for byte");
    }
}

#[test]
fn without_an_issuer_nothing_starts_and_the_fault_says_how_to_set_one() {
    let faults = Scene::production("http.trusted_proxies = [\"127.0.0.1\"]").faults();
    assert_eq!(
        faults,
        [
            "configuration: issuer: is not set\n    fix: write issuer = \"https://id.example.com\" in grantd.toml, set GRANTD_ISSUER, or try it with --dev"
        ]
    );
}

#[test]
fn in_development_port_0_is_a_free_port_that_the_issuer_names() {
    let config = Scene::development("http.listen = \"127.0.0.1:0\"").load();
    let port = config.http.listen.port();
    assert_ne!(port, 0);
    assert_eq!(config.settings.issuer.as_str(), format!("http://localhost:{port}"));
}

// proves: NEVER-07
#[test]
fn plain_http_is_for_loopback_in_development_or_behind_a_named_proxy() {
    let alone = Scene::production("issuer = \"https://id.example\"").faults();
    assert_eq!(alone.len(), 1);
    assert!(alone[0].contains("http.trusted_proxies: is not set") && alone[0].contains("NEVER-07"), "{}", alone[0]);
    let anybody = Scene::production("issuer = \"https://id.example\"\nhttp.trusted_proxies = [\"0.0.0.0/0\"]").faults();
    assert!(anybody[0].contains("http.trusted_proxies") && anybody[0].contains("RS-16"), "{anybody:?}");
    Scene::production(MINIMAL).load();
    Scene::production("issuer = \"https://id.example\"\ntls.certificate = \"c\"\ntls.key = \"k\"").load();

    let outside = Scene::development("http.listen = \"0.0.0.0:8420\"").faults();
    assert_eq!(outside.len(), 1);
    assert!(
        outside[0].starts_with("grantd.toml:1:15: http.listen = \"0.0.0.0:8420\": is reachable from outside"),
        "{outside:?}"
    );
    Scene::development("http.listen = \"[::1]:8420\"").load();

    for issuer in ["http://id.example", "https://id.example", "http://192.0.2.1:8420", "http://localhost.example"] {
        let elsewhere = Scene::development(&MINIMAL.replace("https://id.example", issuer)).faults();
        assert!(elsewhere[0].contains("is not on this computer"), "{elsewhere:?}");
    }
    for issuer in ["http://localhost:8420", "http://127.0.0.1:8420", "http://[::1]:8420"] {
        Scene::development(&format!("issuer = \"{issuer}\"")).load();
    }
    let tls_for_plain_http = Scene::development("tls.certificate = \"c\"\ntls.key = \"k\"").faults();
    assert!(tls_for_plain_http[0].contains("the issuer is plain http"), "{tls_for_plain_http:?}");
}

#[test]
fn all_faults_come_at_once_from_every_layer() {
    let scene =
        Scene::production("issuer = \"https://id.example/\"\n[htpp]\nlisten = 5\n[lifetimes]\nsession = \"99d\"\n")
            .variable("GRANTD_HTTP__LISTEN", "nowhere")
            .variable("GRANTD_HTTP_LISTEN", "127.0.0.1:1")
            .flag("log.formt", "json")
            .flag("keys.key_encryption_key", "AAAA");
    let faults = scene.faults();
    let places: Vec<&str> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "grantd.toml:2:2",
            "GRANTD_HTTP_LISTEN",
            "--set log.formt",
            "--set keys.key_encryption_key",
            "GRANTD_HTTP__LISTEN",
            "grantd.toml:1:10",
            "grantd.toml:5:11",
        ],
        "{faults:#?}"
    );
    assert!(faults[0].ends_with("fix: did you mean http?"), "{}", faults[0]);
    assert!(faults[1].ends_with("fix: did you mean GRANTD_HTTP__LISTEN?"), "{}", faults[1]);
    assert!(faults[2].ends_with("fix: did you mean log.format?"), "{}", faults[2]);
    assert!(faults.iter().all(|fault| !fault.contains("AAAA")), "a fault holds a secret");
}

#[test]
fn text_that_is_not_toml_is_named_at_its_place() {
    let faults = Scene::production("issuer = \"https://id.example\nlisten\n").faults();
    assert!(faults[0].starts_with("grantd.toml:1:"), "{faults:?}");
    assert!(faults.iter().all(|fault| fault.contains("this is not TOML")));
}

// ---- declared objects ----

const DECLARED: &str = r#"[[resource]]
id = "https://lockbox.example/"
name = "Lockboxes"
access_token_lifetime = "2m"
scopes = [{ name = "mail.read", description = "See which letters have arrived" }]

[[resource.detail_types]]
name = "https://lockbox.example/types/lockbox"
title = "Lockboxes"
things_endpoint = "https://lockbox.example/things"
actions = [{ name = "read", description = "look inside" }]
fields = [{ name = "size", title = "Size", kind = "one_of", choices = ["s", "m"] }]

[[client]]
id = "mail-reader"
name = "Mail Reader"
kind = "web"
secret_file = "mail-reader.secret"
redirect_uris = ["https://reader.example/callback"]

[[client]]
id = "mail-cli"
name = "Mail in the terminal"
kind = "native"
redirect_uris = ["http://127.0.0.1/callback"]
redirect_uri_at_token = "required"

[[user]]
username = "ann"
name = "Ann"
password_file = "ann.password"
"#;

fn declared() -> Scene {
    Scene::production(&with(DECLARED))
        .file("mail-reader.secret", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n", 0o600)
        .file("ann.password", "letters for a rainy day\n", 0o640)
}

#[test]
fn clients_resources_and_users_can_be_declared() {
    let declared = declared().load().declared;
    assert_eq!(declared.resources.len(), 1);
    assert_eq!(declared.resources[0].access_token_lifetime, Some(Seconds(120)));
    assert_eq!(declared.resources[0].detail_types[0].fields[0].name, "size");
    let ids: Vec<_> = declared.clients.iter().map(|client| client.id().unwrap().as_str()).collect();
    assert_eq!(ids, ["mail-reader", "mail-cli"]);
    assert_eq!(declared.users[0].username().as_str(), "ann");
    assert_eq!(declared.users[0].typed_password().unwrap().expose(), "letters for a rainy day");
    let shown = format!("{declared:?}");
    assert!(!shown.contains("rainy") && !shown.contains("0123456789"), "a secret was printed");
}

#[test]
fn a_resource_server_is_declared_with_what_it_may_ask_about() {
    let server = "\n[[client]]\nid = \"lockbox-api\"\nname = \"Lockbox API\"\nkind = \"service\"\nsecret_file = \"mail-reader.secret\"\nintrospects = [\"https://lockbox.example/\"]\n";
    let scene = |toml: &str| {
        Scene::production(&with(toml)).file(
            "mail-reader.secret",
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n",
            0o600,
        )
    };
    let resource =
        "[[resource]]\nid = \"https://lockbox.example/\"\nname = \"Lockboxes\"\naccess_token_format = \"opaque\"\n";
    let declared = scene(&format!("{resource}{server}")).load().declared;
    assert_eq!(declared.resources[0].access_token_format, AccessTokenFormat::Opaque);
    let client = declared.clients[0].clone().register(Time(0), &mut grantd::env::OsRandom).client;
    assert_eq!(client.introspects, [declared.resources[0].id.clone()]);
    assert!(client.grant_types.is_empty(), "{client:?}");

    let unknown = scene(&format!("{resource}{}", server.replace("lockbox.example", "nowhere.example"))).faults();
    assert!(unknown[0].contains("introspects[0]") && unknown[0].contains("RESIND-02"), "{unknown:?}");
    // A resource with a fault of its own is not said to be missing as well.
    let strange = scene(&format!("{}{server}", resource.replace("\"opaque\"", "\"JWT\""))).faults();
    assert_eq!(strange.len(), 1, "{strange:?}");
    assert!(strange[0].contains("access_token_format") && strange[0].contains("AT-07"), "{strange:?}");
}

#[test]
fn declared_secrets_can_come_from_variables() {
    let toml = with(DECLARED)
        .replace("secret_file = \"mail-reader.secret\"\n", "")
        .replace("password_file = \"ann.password\"\n", "");
    let faults = Scene::production(&toml).faults();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("grantd.toml:16:1: [[client]] \"mail-reader\", secret: "), "{}", faults[0]);
    let scene = Scene::production(&toml)
        .variable("GRANTD_CLIENT__MAIL_READER__SECRET", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")
        .file("pw", "letters for a rainy day", 0o600)
        .variable("GRANTD_USER__ANN__PASSWORD_FILE", "pw");
    assert!(scene.load().declared.users[0].typed_password().is_some());
    let weak = Scene::production(&toml).variable("GRANTD_CLIENT__MAIL_READER__SECRET", "hunter2").faults();
    assert!(
        weak.iter().any(|fault| fault.starts_with("GRANTD_CLIENT__MAIL_READER__SECRET: this secret: ")),
        "{weak:?}"
    );
    assert!(weak.iter().all(|fault| !fault.contains("hunter2")));
    let unknown = Scene::production(&toml).variable("GRANTD_CLIENT__MAIL_REEDER__SECRET", "x").faults();
    assert!(unknown[0].contains("no [[client]] of that name"), "{unknown:?}");
}

#[test]
fn what_is_declared_twice_is_told_even_if_the_first_has_other_faults() {
    let client = "[[client]]\nid = \"one\"\nname = \"One\"\nkind = \"native\"\nredirect_uris = [\"*\"]\n";
    let user = "[[user]]\nusername = \"ann\"\nname = \"\"\n";
    let resource = "[[resource]]\nid = \"http://api.example/\"\nname = \"API\"\n";
    for (heading, twice) in
        [("[[client]] \"one\"", client), ("[[user]] \"ann\"", user), ("[[resource]] \"http", resource)]
    {
        let faults = Scene::production(&with(&[twice, twice].concat())).faults();
        let told = faults.iter().filter(|fault| fault.contains(heading) && fault.contains("is declared twice"));
        assert_eq!(told.count(), 1, "{faults:?}");
    }
}

#[test]
fn a_fault_of_a_declared_object_has_the_place_of_the_part_that_is_wrong() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "https://reader.example/callback",
            "https://reader.example/callback#x",
            "grantd.toml:21:18: [[client]] \"mail-reader\", redirect_uris[0]",
        ),
        ("kind = \"native\"", "kind = \"desktop\"", "grantd.toml:26:8: [[client]] \"mail-cli\", kind"),
        ("\"2m\"", "\"2h\"", "grantd.toml:6:25: [[resource]] \"https://lockbox.example/\", access_token_lifetime"),
        (
            "\"look inside\"",
            "\"\"",
            "grantd.toml:13:43: [[resource]] \"https://lockbox.example/\", detail_types[0].actions[0].description",
        ),
        (
            "\"one_of\"",
            "\"oneof\"",
            "grantd.toml:14:51: [[resource]] \"https://lockbox.example/\", detail_types[0].fields[0].kind",
        ),
        ("username = \"ann\"", "username = \"a nn\"", "grantd.toml:31:12: [[user]] \"a nn\", username"),
        ("id = \"mail-cli\"\n", "", "grantd.toml:23:1: [[client]] \"Mail in the terminal\", id"),
        ("\"mail-cli\"", "\"mail-reader\"", "grantd.toml:24:6: [[client]] \"mail-reader\""),
        ("name = \"Ann\"", "nam = \"Ann\"", "grantd.toml:32:1: [[user]] nam"),
        ("title = \"Size\"", "titel = \"Size\"", "grantd.toml:14:28: [[resource]] detail_types[0].fields[0].titel"),
        ("name = \"Ann\"", "password = \"letters for a rainy day\"", "grantd.toml:32:12: [[user]] password"),
        ("\"ann.password\"", "\"nobody.password\"", "grantd.toml:33:17: [[user]], password_file"),
        ("\"required\"", "\"always\"", "grantd.toml:28:25: [[client]], redirect_uri_at_token"),
        (
            "choices = [\"s\", \"m\"]",
            "choices = \"s\"",
            "grantd.toml:14:71: [[resource]] detail_types[0].fields[0].choices",
        ),
    ];
    for (was, is, place) in cases {
        let toml = with(DECLARED);
        assert!(toml.contains(was), "{was}");
        let scene = Scene::production(&toml.replacen(was, is, 1))
            .file("mail-reader.secret", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n", 0o600)
            .file("ann.password", "letters for a rainy day\n", 0o600);
        let faults = scene.faults();
        assert!(faults.iter().any(|fault| fault.starts_with(&format!("{place}: "))), "{place}:\n{faults:#?}");
        assert!(faults.iter().all(|fault| fault.contains("\n    fix: ")), "{faults:?}");
        assert!(faults.iter().all(|fault| !fault.contains("rainy")), "{faults:?}");
    }
}

#[test]
fn a_secret_that_every_user_of_the_machine_can_read_is_refused() {
    let open = declared().file("ann.password", "letters for a rainy day\n", 0o644).faults();
    assert_eq!(open.len(), 1);
    assert!(open[0].contains("may be read by every user of this machine"), "{}", open[0]);
    assert!(open[0].ends_with("fix: chmod o= ann.password"), "{}", open[0]);
}

#[test]
fn a_short_password_is_for_development_alone() {
    let short = |scene: Scene| {
        scene.file("mail-reader.secret", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n", 0o600).file(
            "ann.password",
            "rainy day",
            0o600,
        )
    };
    assert!(short(declared()).faults()[0].contains("at least 15 are needed (LOGIN-02)"));
    short(Scene::development(DECLARED)).load();
}

// ---- a PostgreSQL server ----

/// With the key that every node has.
fn on_a_server(lines: &str) -> Scene {
    let toml = with(&format!("keys.key_encryption_key_file = \"shared.key\"\n{lines}"));
    Scene::production(&toml).file("password", "letters for 100% of /the/ d@ys\n", 0o600)
}

#[test]
fn a_server_is_named_by_a_url_and_its_password_stands_elsewhere() {
    let config =
        on_a_server("database.url = \"postgres://grantd@db.example/records\"\ndatabase.password_file = \"password\"\n");
    let config = config.load();
    let Location::Postgres(server) = &config.database else { panic!("{:?}", config.database) };
    assert_eq!(server.place(), "db.example:5432/records");
    let expected = PostgresServer::parse("postgres://grantd@db.example/records").unwrap();
    assert!(*server == expected.with_password("letters for 100% of /the/ d@ys"), "the password is that of the file");
    assert!(matches!(&config.key_encryption_key, KekSource::Shared(path) if path.ends_with("shared.key")));
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    let shown = format!("{config:?}");
    assert!(!shown.contains("letters"), "{shown}");
}

#[test]
fn a_password_in_the_url_is_taken_from_a_variable_alone_and_never_shown() {
    let url = "postgres://grantd:hush%40hush@db.example/records?sslmode=disable";
    let scene = on_a_server("").variable("GRANTD_DATABASE__URL", url);
    let config = scene.load();
    let shown = config.effective.iter().find(|effective| effective.name == "database.url").unwrap();
    assert_eq!(shown.value, "\"postgres://grantd:(secret)@db.example/records?sslmode=disable\"");
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    assert!(
        config.warnings().iter().any(|warning| warning.contains("in plain (sslmode=disable)")),
        "{:?}",
        config.warnings()
    );
    for scene in [on_a_server(&format!("database.url = \"{url}\"\n")), on_a_server("").flag("database.url", url)] {
        let faults = scene.faults();
        assert!(
            faults[0].contains("would be read by everybody") && faults[0].contains("database.password_file"),
            "{faults:?}"
        );
        assert!(!faults[0].contains("hush"), "{faults:?}");
    }
    for url in [
        "postgres://grantd:hu@sh@db.example/r",
        "postgres://:hush@/x?q",
        "hush",
        "postgres://u:hush@h/d?password=hush2&x=1",
    ] {
        let faults = on_a_server("").variable("GRANTD_DATABASE__URL", url).faults();
        assert!(faults.iter().all(|fault| !fault.contains("hush") && fault.contains("fix: ")), "{faults:?}");
    }
}

#[test]
fn what_does_not_go_together_about_a_server_is_told() {
    let url = "database.url = \"postgres://grantd@db.example/records\"\n";
    let cases: &[(Scene, &str)] = &[
        (
            on_a_server(&format!("{url}database.path = \"grantd.db\"\n")),
            "grantd.toml:5:17: database.path = \"grantd.db\": database.url is set as well (grantd.toml:4:16)\n    fix: take one of the two out: a file, or a PostgreSQL server",
        ),
        (
            on_a_server("database.password_file = \"password\"\n"),
            "grantd.toml:4:26: database.password_file: is for a PostgreSQL server, and database.url names none\n    fix: set database.url, or take this out",
        ),
        (
            on_a_server(&format!("{url}database.password_file = \"password\"\n"))
                .variable("GRANTD_DATABASE__PASSWORD", "hush"),
            "GRANTD_DATABASE__PASSWORD: database.password: database.password_file is set as well\n    fix: unset one of the two",
        ),
        (
            on_a_server(&format!("{url}database.root_certificates = \"password\"\n")),
            "grantd.toml:5:30: database.root_certificates = \"password\": the file of root certificates holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)\n    fix: name the PEM file with the certificate of the authority that the server's own comes from",
        ),
        (
            on_a_server("database.url = \"postgres://grantd@db.example/records?sslmode=prefer\"\n"),
            "`sslmode=prefer` takes any server for the right one\n    fix: write sslmode=verify-full",
        ),
        (
            Scene::production(&with(url)),
            "configuration: keys.key_encryption_key_file: is not set: every node on one database needs the same key, so it has no place of its own beside one\n    fix: make a key once, give every node a copy of the file, and name it here: (umask 077; openssl rand 32 | basenc --base64url | tr -d = > key-encryption.key)",
        ),
    ];
    for (scene, says) in cases {
        let faults = scene.faults();
        assert!(faults.len() == 1 && faults[0].contains(says), "{says}\n{faults:#?}");
        assert!(!faults[0].contains("hush"), "{faults:?}");
    }
    // For development on this machine, the key has a place of its own.
    let config = Scene::development("database.url = \"postgres://grantd@localhost/records\"\n").load();
    assert!(
        matches!(&config.key_encryption_key, KekSource::File(path) if path == Path::new("grantd-data/key-encryption.key"))
    );
}

#[test]
fn a_key_that_every_node_needs_is_made_by_none_of_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shared.key");
    let says = KekSource::Shared(path.clone()).open_or_create().err().unwrap().to_string();
    assert!(says.contains("every node on one database needs the same") && says.contains("openssl rand 32"), "{says}");
    assert!(!path.exists());
    let make = format!("umask 077; openssl rand 32 | basenc --base64url | tr -d = > {}", path.display());
    assert!(Command::new("sh").args(["-c", &make]).status().unwrap().success());
    KekSource::Shared(path).open_or_create().unwrap();
}

// ---- the manual ----

/// The tables of the manual are made from the list that the reader goes by. `GRANTD_BLESS=1` writes them anew.
#[test]
fn the_manual_names_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}\n{END}{after}", reference(&Scene::production(MINIMAL).load()));
    if page != expected && std::env::vars().any(|(name, _)| name == "GRANTD_BLESS") {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(page == expected, "docs/reference/configuration.md is out of date: run this test with GRANTD_BLESS=1");
}

/// Every TOML block of the manual that stands for a whole file is one that is taken.
#[test]
fn the_examples_of_the_manual_are_taken() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md"))
        .unwrap();
    let examples: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        let toml = if example.contains("issuer =") { example.to_owned() } else { with(example) };
        Scene::production(&toml)
            .file("mail-reader.secret", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n", 0o600)
            .file("ann.password", "letters for a rainy day\n", 0o600)
            .file("database.password", "letters for the database\n", 0o600)
            .file("lockbox-api.secret", "GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210\n", 0o600)
            .load();
    }
}

const BEGIN: &str = "<!-- settings: made by the test `the_manual_names_every_setting_with_its_default` -->\n";
const END: &str = "<!-- end of settings -->";
