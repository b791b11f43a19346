//! Starting and ending: from a configuration to a server that answers.
//!
//! Owns the order of starting (store, keys, socket) and of ending. Does not own what is configured: see `config`.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use grantd_protocol::settings::Settings;
use grantd_protocol::uri::Uri;
use grantd_store::{Location, Store, StoreFault};
use grantd_tokens::{Random as _, Seconds};

use crate::app::{App, Fault, Shared};
use crate::config::Config;
use crate::declare::declare;
use crate::duties::Duties;
use crate::env::OsRandom;
use crate::events::Throttled;
use crate::fetch::{BadExtraCa, FetchSettings, Fetcher, InPlain};
use crate::http::Transport;
use crate::http::headers::SecurityHeaders;
use crate::http::inactive_answers::InactiveAnswers;
use crate::http::origins::Origins;
use crate::keys::{self, KekSource, KeyFault, Keys};
use crate::listen::{
    BindFault, Drained, HostNames, Limits, Listener, PanicCount, Serving, Tls, TlsFault, TrustedProxies,
};
use crate::pages::Mode;
use crate::password::PasswordHasher;
use crate::published::Published;
use crate::revocations::Revocations;
use crate::router::router;
use crate::sweep::sweep;
use crate::telemetry::RequestIds;
use crate::turns::Turns;

/// What an issuer needs to run.
#[derive(Debug)]
pub struct Startup {
    /// What the operator decided; the issuer among it.
    pub settings: Settings,
    /// Whether this is for development.
    pub mode: Mode,
    /// Where records are kept.
    pub database: Location,
    /// What the signing keys are encrypted with.
    pub key_encryption_key: KekSource,
    /// How long one signing key signs.
    pub rotate_keys_every: Seconds,
    /// Where the server may call out to.
    pub fetch: FetchSettings,
}

/// How it is reached.
pub struct Reach {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Names it answers to, beside the issuer's.
    pub hosts: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// The limits of connections and requests.
    pub limits: Limits,
    /// Certificate and key, if TLS ends here.
    pub tls: Option<Tls>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyFault),
    /// The socket.
    #[error(transparent)]
    Bind(#[from] BindFault),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// What is declared could not be put in place.
    #[error("what the configuration declares cannot be put in place: {0}")]
    Declare(#[from] Fault),
    /// The extra certificates for outbound requests.
    #[error("cannot read the extra CA certificates {}: {source}", path.display())]
    ExtraCaFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The extra certificates for outbound requests.
    #[error(transparent)]
    ExtraCa(#[from] BadExtraCa),
    /// The issuer cannot be split into origin and path; the configuration checks that before.
    #[error("the issuer {0} is not a URL with a host")]
    Issuer(String),
}

/// Everything from a configuration: opens, puts in place what is declared, answers until `shutdown` is done.
pub async fn serve(
    config: Config,
    bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<Drained, StartFault> {
    let tls = match &config.tls {
        Some(files) => Some(Tls::from_pem_files(&files.certificate, &files.key)?),
        None => None,
    };
    let extra_ca_pem = match &config.fetch.extra_ca {
        Some(path) => {
            Some(std::fs::read(path).map_err(|source| StartFault::ExtraCaFile { path: path.clone(), source })?)
        }
        None => None,
    };
    let reach = Reach {
        listen: config.http.listen,
        hosts: config.http.hosts,
        proxies: TrustedProxies::new(config.http.trusted_proxies),
        limits: config.http.limits,
        tls,
    };
    let in_plain = match config.mode {
        Mode::Development => InPlain::EveryLoopback,
        Mode::Production => InPlain::ByException,
    };
    let fetch = FetchSettings {
        allow: config.fetch.allow,
        refuse: config.fetch.refuse,
        extra_ca_pem,
        in_plain,
        ..FetchSettings::default()
    };
    let app = open(Startup {
        settings: config.settings,
        mode: config.mode,
        database: config.database,
        key_encryption_key: config.key_encryption_key,
        rotate_keys_every: config.rotate_keys_every,
        fetch,
    })
    .await?;
    declare(&app, config.declared).await?;
    answer(app, reach, bound, shutdown).await
}

/// Opens store and keys. Nothing answers yet.
pub async fn open(startup: Startup) -> Result<Shared, StartFault> {
    let issuer = startup.settings.issuer.clone();
    let unusable = || StartFault::Issuer(issuer.as_str().to_owned());
    let uri = Uri::parse(issuer.as_str()).ok_or_else(unusable)?;
    let origin = uri.origin().ok_or_else(unusable)?;
    let transport = if uri.scheme == "https" { Transport::Https } else { Transport::LoopbackHttp };
    let base_path = uri.path.trim_end_matches('/').to_owned();

    let store = Store::open(&startup.database)?;
    if store.is_half_copied().await? {
        return Err(StoreFault::HalfCopied { place: startup.database.place() }.into());
    }
    let algorithm = startup.settings.access_token_algorithm;
    let keys = Keys::open(store.clone(), issuer.clone(), &startup.key_encryption_key, algorithm).await?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Arc::new(App {
        store,
        settings: startup.settings,
        mode: startup.mode,
        transport,
        keys,
        rotate_keys_every: startup.rotate_keys_every,
        published: Published::default(),
        duties: Duties::default(),
        revocations: Revocations::default(),
        passwords: PasswordHasher::new(cores, WAITING_SIGN_INS, SIGN_IN_PATIENCE),
        overtaken: Turns::default(),
        fetcher: Arc::new(Fetcher::new(startup.fetch)?),
        origins: Origins::default(),
        inactive_answers: InactiveAnswers::default(),
        throttled: Throttled::default(),
        base_path,
        origin,
    }))
}

/// Sign-ins that wait for a turn; beyond that, 503.
const WAITING_SIGN_INS: usize = 64;
/// How long one waits.
const SIGN_IN_PATIENCE: Duration = Duration::from_secs(5);

/// Answers until `shutdown` is done, then lets requests under way finish. `bound` learns the real address first.
pub async fn answer(
    app: Shared,
    reach: Reach,
    bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<Drained, StartFault> {
    let listener = Listener::bind(reach.listen).await?;
    let address = listener.address();
    let mut names = reach.hosts;
    names.extend(app.origin.split_once("://").map(|(_, host)| host.to_owned()));
    if app.mode == Mode::Development {
        names.extend([format!("localhost:{}", address.port()), format!("127.0.0.1:{}", address.port())]);
    }
    let serving = Serving {
        names: HostNames::new(names),
        headers: SecurityHeaders::new(app.transport),
        proxies: reach.proxies,
        limits: reach.limits,
        tls: reach.tls,
        request_ids: RequestIds::new(|bytes| OsRandom.fill(bytes)),
        panics: PanicCount::default(),
    };
    let (store, issuer, duties) = (app.store.clone(), app.settings.issuer.clone(), app.duties.clone());
    let sweeping = tokio::spawn(sweep(Arc::downgrade(&app)));
    let tending = tokio::spawn(keys::tend(Arc::downgrade(&app), app.rotate_keys_every));
    bound(address);
    let drained = listener.serve(router(app), serving, shutdown).await;
    sweeping.abort();
    tending.abort();
    duties.give_back(&store, &issuer).await;
    Ok(drained)
}
