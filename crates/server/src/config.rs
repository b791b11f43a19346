//! What the operator decides: one TOML file, `GRANTD_…` variables, flags.
//!
//! Owns reading, naming and merging; every fault is reported at once, with its place and its remedy. The limits that settings
//! must keep stand in `grantd_protocol::settings`, those of declared objects in `grantd_protocol::registration`. Opens no
//! database and no socket. Start at [`Config::load`]; the list of all settings is [`KEYS`].

mod database;
mod declared;
mod duration;
mod fault;
mod file;
mod issuer;
mod keys;
mod layers;
mod reading;
mod reference;
mod secret_file;
mod suggest;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use grantd_protocol::names::Issuer;
use grantd_protocol::redirect_uri::LoopbackHttp;
use grantd_protocol::registration::PasswordPolicy;
use grantd_protocol::settings::{EventsKept, Lifetimes, Limits as ProtocolLimits, Settings};
use grantd_store::Location;
use grantd_tokens::{Algorithm, Seconds};

use crate::fetch::HostPort;
use crate::keys::{KekSource, timeline};
use crate::listen::Limits;
use crate::network::Network;
use crate::pages::Mode;
use crate::telemetry::LogFormat;

pub(crate) use database::holds_password;
pub use declared::{Declared, DeclaredResource, read_resources};
pub use duration::parse as parse_duration;
pub use fault::{ConfigFault, ConfigFaults, Origin};
pub use keys::{KEYS, Key, Kind};
pub use reading::Effective;
pub use reference::reference;
pub use secret_file::{SecretFileFault, read_secret};
pub(crate) use suggest::did_you_mean;

use declared::DeclarationRules;
use file::File;
use layers::Layers;
use reading::Reading;

/// Everything that was decided, checked.
#[derive(Debug)]
pub struct Config {
    /// What the core needs.
    pub settings: Settings,
    /// Chosen by `--dev`, never by the file.
    pub mode: Mode,
    /// How it is reached.
    pub http: HttpConfig,
    /// Certificate and key, if TLS ends here.
    pub tls: Option<TlsConfig>,
    /// Where records are kept.
    pub database: Location,
    /// What the signing keys are encrypted with.
    pub key_encryption_key: KekSource,
    /// How long one signing key signs (KEYS-02).
    pub rotate_keys_every: Seconds,
    /// Where it may call out to.
    pub fetch: FetchConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Clients, resources and users of the file.
    pub declared: Declared,
    /// Each setting with its value and where that came from. Secrets are masked.
    pub effective: Vec<Effective>,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// How the server is reached.
#[derive(Debug)]
pub struct HttpConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Names it answers to, beside the issuer's.
    pub hosts: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The limits of connections and requests.
    pub limits: Limits,
}

/// The files of a TLS listener.
#[derive(Debug)]
pub struct TlsConfig {
    /// The chain, in PEM.
    pub certificate: PathBuf,
    /// The key, in PEM.
    pub key: PathBuf,
}

/// Where the server may call out to.
#[derive(Debug)]
pub struct FetchConfig {
    /// Hosts that are reached although the rules for everybody say no.
    pub allow: Vec<HostPort>,
    /// Networks that are never called.
    pub refuse: Vec<Network>,
    /// Certificates that are trusted beside the system's, in PEM.
    pub extra_ca: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Debug)]
pub struct LogConfig {
    /// `None`: as it fits stderr.
    pub format: Option<LogFormat>,
    /// Directives as those of `RUST_LOG`; `None` leaves it to that.
    pub level: Option<String>,
}

/// Where settings may come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// `--dev` or not: several defaults follow from it.
    pub mode: Mode,
    /// The file that was named. Without it: `grantd.toml` here, then (not with `--dev`) the system's.
    pub file: Option<PathBuf>,
    /// `--set name=value`, in order.
    pub settings: Vec<(String, String)>,
    /// The variables; those that do not begin with `GRANTD_` are ignored.
    pub environment: Vec<(String, String)>,
    /// Where relative paths of variables and flags begin.
    pub directory: PathBuf,
}

impl Sources {
    /// The environment and the working directory of this process.
    pub fn of_this_process(mode: Mode, file: Option<PathBuf>, settings: Vec<(String, String)>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { mode, file, settings, environment, directory: PathBuf::new() }
    }

    /// Reads the file that counts, if there is one.
    fn read_file(&self) -> Result<Option<File>, ConfigFault> {
        let named = self.environment.iter().find(|(name, _)| name == "GRANTD_CONFIG").map(|(_, value)| value.into());
        if let Some(path) = self.file.clone().or(named) {
            return File::read(&self.directory.join(path)).map(Some);
        }
        let here = self.directory.join(FILE_NAME);
        let system = Path::new(SYSTEM_FILE);
        match self.mode {
            _ if here.exists() => File::read(&here).map(Some),
            Mode::Production if system.exists() => File::read(system).map(Some),
            Mode::Production | Mode::Development => Ok(None),
        }
    }
}

impl Config {
    /// Reads and checks everything, and lists all that is wrong.
    pub fn load(sources: &Sources) -> Result<Self, ConfigFaults> {
        let file = sources.read_file().map_err(|fault| ConfigFaults(vec![fault]))?;
        let layers = Layers::collect(sources, file.as_ref())?;
        let mut reading = Reading::new(&layers);
        let mode = sources.mode;
        let listen = reading.parsed("http.listen", SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)));
        let listen = match mode {
            Mode::Development => with_a_port(listen),
            Mode::Production => listen,
        };
        let issuer = issuer::read(&mut reading, mode, listen);
        let http = read_http(&mut reading, listen);
        let tls = read_tls(&mut reading);
        issuer::check_listener(&mut reading, mode, listen, issuer.as_ref());
        let (database, key_encryption_key) = database::read(&mut reading, &layers, mode);
        let settings = read_settings(&mut reading, issuer);
        let rotate_keys_every = read_rotation(&mut reading);
        let fetch = FetchConfig {
            allow: reading.list("fetch.allow"),
            refuse: reading.list("fetch.refuse"),
            extra_ca: reading.path("fetch.extra_ca", None),
        };
        let log = read_log(&mut reading);
        let rules = match mode {
            Mode::Development => {
                DeclarationRules { loopback_http: LoopbackHttp::ForEveryClient, passwords: PasswordPolicy::Development }
            }
            Mode::Production => DeclarationRules {
                loopback_http: LoopbackHttp::ForNativeClients,
                passwords: PasswordPolicy::OnlyFactor,
            },
        };
        let (declared, declared_faults) = layers.declarations.check(rules);
        let Reading { mut faults, effective, .. } = reading;
        faults.extend(declared_faults);
        match settings {
            Some(settings) if faults.is_empty() => Ok(Self {
                settings,
                mode,
                http,
                tls,
                database,
                key_encryption_key,
                rotate_keys_every,
                fetch,
                log,
                declared,
                effective,
                file: file.map(|file| file.path),
            }),
            _ => Err(ConfigFaults(faults)),
        }
    }

    /// What is dangerous, though allowed: to be said loudly at the start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.mode == Mode::Development {
            warnings
                .push("development mode: plain http on this computer, short passwords; not for production".to_owned());
        }
        for allowed in &self.fetch.allow {
            warnings.push(format!("fetch.allow lets grantd call {allowed}, whatever address that is"));
        }
        if let Some(path) = &self.fetch.extra_ca {
            warnings.push(format!("fetch.extra_ca: certificates of {} are trusted for calls", path.display()));
        }
        if let Location::Postgres(server) = &self.database
            && server.is_sent_in_plain()
        {
            warnings.push(format!(
                "database.url: everything goes to {} in plain (sslmode=disable), keys and digests among it; only for a network \
                 that nobody else is on",
                server.place()
            ));
        }
        warnings
    }
}

/// Port 0 is any free port. In development the issuer follows from the port, so it is taken here: the one time that reading a
/// configuration opens a socket, and closes it at once.
fn with_a_port(listen: SocketAddr) -> SocketAddr {
    if listen.port() != 0 {
        return listen;
    }
    // Where none is free, listening says so.
    std::net::TcpListener::bind(listen).and_then(|free| free.local_addr()).unwrap_or(listen)
}

fn read_http(reading: &mut Reading<'_>, listen: SocketAddr) -> HttpConfig {
    let hosts: Vec<String> = reading.list("http.hosts");
    for host in &hosts {
        if host.is_empty() || host.contains(['/', '*', '@', ' ']) {
            reading.refuse(
                "http.hosts",
                format!("{host:?} is not a host name"),
                "write names such as \"id.internal:8443\"",
            );
        }
    }
    let trusted_proxies: Vec<Network> = reading.list("http.trusted_proxies");
    if trusted_proxies.iter().any(Network::is_everyone) {
        let why = "everybody would be believed to be a proxy, and could say that they are anybody (RS-16)";
        reading.refuse("http.trusted_proxies", why, "name the proxies' own addresses, such as [\"127.0.0.1\"]");
    }
    let defaults = Limits::default();
    let limits = Limits {
        max_connections: reading
            .count("http.max_connections", defaults.max_connections as u64)
            .try_into()
            .unwrap_or(usize::MAX),
        max_connections_per_source: reading
            .count("http.max_connections_per_source", defaults.max_connections_per_source as u64)
            .try_into()
            .unwrap_or(usize::MAX),
        ..defaults
    };
    HttpConfig { listen, hosts, trusted_proxies, limits }
}

fn read_tls(reading: &mut Reading<'_>) -> Option<TlsConfig> {
    match (reading.path("tls.certificate", None), reading.path("tls.key", None)) {
        (Some(certificate), Some(key)) => Some(TlsConfig { certificate, key }),
        (Some(_), None) => {
            reading.refuse("tls.key", "is not set, but tls.certificate is", "name the file of the certificate's key");
            None
        }
        (None, Some(_)) => {
            reading.refuse("tls.certificate", "is not set, but tls.key is", "name the file of the certificate chain");
            None
        }
        (None, None) => None,
    }
}

fn read_settings(reading: &mut Reading<'_>, issuer: Option<Issuer>) -> Option<Settings> {
    let algorithm = reading.choice(
        "keys.algorithm",
        |word| Algorithm::parse(word).filter(|algorithm| *algorithm != Algorithm::Rs256),
        Some(Algorithm::Es256.name()),
    );
    let lifetimes = read_lifetimes(reading);
    let limits = read_limits(reading);
    // The limits hold whatever the issuer is; without one, all else is still to be reported.
    let mut settings = Settings::new(issuer.clone().unwrap_or_else(|| Issuer::new("")));
    settings.access_token_algorithm = algorithm.unwrap_or(Algorithm::Es256);
    settings.lifetimes = lifetimes;
    settings.limits = limits;
    settings.events = EventsKept {
        keep: reading.duration("events.keep", settings.events.keep),
        most: reading.count("events.most", settings.events.most),
    };
    for fault in settings.faults() {
        let [value, least, ceiling] = [fault.value, fault.least, fault.ceiling].map(duration::write);
        let why = format!("{value} is not between {least} and {ceiling} ({})", fault.rule);
        reading.refuse(fault.name, why, format!("write at most \"{ceiling}\""));
    }
    let window = settings.limits.attempt_window;
    if !(1..=3600).contains(&window.0) {
        let why = format!("{} is not between 1s and 1h (LOGIN-04)", duration::write(window));
        reading.refuse("limits.attempt_window", why, "write at most \"1h\"");
    }
    issuer.map(|_| settings)
}

fn read_rotation(reading: &mut Reading<'_>) -> Seconds {
    let every = reading.duration("keys.rotate_every", timeline::ROTATE_EVERY);
    let (least, most) = (timeline::ROTATE_AT_LEAST, timeline::ROTATE_AT_MOST);
    if !(least..=most).contains(&every) {
        let (least, most) = (duration::write(least), duration::write(most));
        let why = format!("{} is not between {least} and {most} (KEYS-02)", duration::write(every));
        reading.refuse("keys.rotate_every", why, format!("write \"30d\", or another duration from {least} to {most}"));
    }
    every
}

fn read_lifetimes(reading: &mut Reading<'_>) -> Lifetimes {
    let defaults = Lifetimes::default();
    let mut read = |name, default: Seconds| reading.duration(name, default);
    Lifetimes {
        authorization_code: read("lifetimes.authorization_code", defaults.authorization_code),
        access_token: read("lifetimes.access_token", defaults.access_token),
        refresh_token_idle: read("lifetimes.refresh_token_idle", defaults.refresh_token_idle),
        refresh_token: read("lifetimes.refresh_token", defaults.refresh_token),
        lost_response: read("lifetimes.lost_response", defaults.lost_response),
        pending_request: read("lifetimes.pending_request", defaults.pending_request),
        session_idle: read("lifetimes.session_idle", defaults.session_idle),
        session: read("lifetimes.session", defaults.session),
        replaced_secret: read("lifetimes.replaced_secret", defaults.replaced_secret),
    }
}

fn read_limits(reading: &mut Reading<'_>) -> ProtocolLimits {
    let defaults = ProtocolLimits::default();
    ProtocolLimits {
        attempt_window: reading.duration("limits.attempt_window", defaults.attempt_window),
        wrong_verifiers: reading.count("limits.wrong_verifiers", defaults.wrong_verifiers),
        pending_per_network: reading.count("limits.pending_per_network", defaults.pending_per_network),
        pending_in_all: reading.count("limits.pending_in_all", defaults.pending_in_all),
        sign_ins_per_account_and_network: reading
            .count("limits.sign_ins_per_account_and_network", defaults.sign_ins_per_account_and_network),
        sign_ins_per_account: reading.count("limits.sign_ins_per_account", defaults.sign_ins_per_account),
        sign_ins_per_network: reading.count("limits.sign_ins_per_network", defaults.sign_ins_per_network),
        sign_ins_in_all: reading.count("limits.sign_ins_in_all", defaults.sign_ins_in_all),
        wrong_secrets: reading.count("limits.wrong_secrets", defaults.wrong_secrets),
    }
}

fn read_log(reading: &mut Reading<'_>) -> LogConfig {
    let format = |word: &str| match word {
        "human" => Some(LogFormat::Human),
        "json" => Some(LogFormat::Json),
        _ => None,
    };
    let level = reading.text("log.level", None);
    if let Some(Err(error)) = level.as_deref().map(tracing_subscriber::filter::EnvFilter::try_new) {
        reading.refuse("log.level", error.to_string(), "write a level such as \"info\", or \"target=level\" pairs");
    }
    LogConfig { format: reading.choice("log.format", format, None), level }
}

const FILE_NAME: &str = "grantd.toml";
const SYSTEM_FILE: &str = "/etc/grantd/grantd.toml";
const DEFAULT_PORT: u16 = 8420;
