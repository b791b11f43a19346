//! Which server, and how it is reached: a `postgres://` URL, read once, with all that is safe filled in.
//!
//! Owns what an operator may write and what is refused for its weakness. Nothing of it is ever shown with its password.
//! Start at [`PostgresServer::parse`].

use std::net::IpAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// A PostgreSQL database and what it takes to connect to it. Hides its password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresServer {
    config: Box<Config>,
    root_certificates: Vec<CertificateDer<'static>>,
    is_verified: bool,
}

/// Why a URL or what belongs to it cannot be used. Repeats no part of it that could be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlFault {
    /// It is something else.
    #[error("a PostgreSQL database is named by a URL: postgres://user@host:5432/database")]
    NotAUrl,
    /// Where the user ends and the host begins cannot be told.
    #[error("the PostgreSQL URL has more than one `@`; write %40 for the one inside the user's name or password")]
    TwoAts,
    /// No host.
    #[error("the PostgreSQL URL names no host; for a Unix socket add ?host=/var/run/postgresql")]
    NoHost,
    /// No user.
    #[error("the PostgreSQL URL names no user; write postgres://user@host/database")]
    NoUser,
    /// No database.
    #[error("the PostgreSQL URL names no database; add its name after the host: postgres://user@host/database")]
    NoDatabase,
    /// An option that does not exist, or a value that it cannot have.
    #[error(
        "the PostgreSQL URL cannot be read ({0}); its options are those of libpq, names and values percent-encoded"
    )]
    Malformed(String),
    /// TLS without a proof of who answers.
    #[error(
        "`sslmode={0}` takes any server for the right one; write sslmode=verify-full and name the file with the \
         certificates of its authority, or sslmode=disable where nobody else is on the network"
    )]
    Unverified(String),
    /// Certificates that are none.
    #[error("the file of root certificates holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificates,
}

impl PostgresServer {
    /// Reads a URL. A host that is neither this machine nor a Unix socket is reached by TLS alone, its certificate verified
    /// for its name, unless `sslmode=disable` says otherwise. Does not look whether anything answers there.
    pub fn parse(url: &str) -> Result<Self, PostgresUrlFault> {
        let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) else {
            return Err(PostgresUrlFault::NotAUrl);
        };
        // What stands between the two would be taken for a host, and told.
        if rest.matches('@').count() > 1 {
            return Err(PostgresUrlFault::TwoAts);
        }
        let (url, ssl_mode) = without_ssl_mode(url);
        let mut config: Config = url.parse().map_err(|error| PostgresUrlFault::Malformed(reason(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(PostgresUrlFault::NoHost);
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(PostgresUrlFault::NoUser);
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(PostgresUrlFault::NoDatabase);
        }
        let is_verified = match ssl_mode.as_deref() {
            None => !is_here(&config),
            Some("disable") => false,
            // Never less than what was asked for.
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(weaker @ ("prefer" | "allow")) => return Err(PostgresUrlFault::Unverified(weaker.to_owned())),
            Some(_) => return Err(PostgresUrlFault::Malformed("invalid value for option `sslmode`".to_owned())),
        };
        fill_in(&mut config);
        config.ssl_mode(if is_verified { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config: Box::new(config), root_certificates: Vec::new(), is_verified })
    }

    /// The same with this password, which stands in no URL then.
    #[must_use]
    pub fn with_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.config.password(password);
        self
    }

    /// The same, trusting the authorities whose certificates (PEM) these are, and no others: those of the system are not read.
    pub fn with_root_certificates(mut self, pem: &[u8]) -> Result<Self, PostgresUrlFault> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        self.root_certificates = certificates.map_err(|_| PostgresUrlFault::NoCertificates)?;
        if self.root_certificates.is_empty() {
            return Err(PostgresUrlFault::NoCertificates);
        }
        Ok(self)
    }

    /// `host:port/database`, for people. Holds neither the user nor a secret.
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let named = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            Host::Unix(directory) => directory.display().to_string(),
        });
        let mut hosts: Vec<String> = named.collect();
        if hosts.is_empty() {
            hosts = self.config.get_hostaddrs().iter().map(ToString::to_string).collect();
        }
        let hosts: Vec<String> =
            hosts.iter().enumerate().map(|(index, host)| format!("{host}:{}", port(index))).collect();
        format!("{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// Whether others could read what goes to the server and comes from it: without TLS, and not on this machine.
    pub fn is_sent_in_plain(&self) -> bool {
        !self.is_verified && !is_here(&self.config)
    }

    /// The user that connects.
    pub(crate) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn root_certificates(&self) -> &[CertificateDer<'static>] {
        &self.root_certificates
    }

    /// Whether the server must prove by TLS who it is.
    pub(crate) fn is_verified(&self) -> bool {
        self.is_verified
    }
}

impl std::fmt::Debug for PostgresServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostgresServer")
            .field("place", &self.place())
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

/// The URL without its `sslmode`, and that: the client knows fewer of them than operators write.
fn without_ssl_mode(url: &str) -> (String, Option<String>) {
    let Some((before, options)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut mode = None;
    let kept: Vec<&str> = options
        .split('&')
        .filter(|option| {
            let value = option.strip_prefix("sslmode=");
            mode = value.map(str::to_owned).or(mode.take());
            value.is_none()
        })
        .collect();
    let url = if kept.is_empty() { before.to_owned() } else { format!("{before}?{}", kept.join("&")) };
    (url, mode)
}

/// Whether nobody but this machine sees the connection.
fn is_here(config: &Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    });
    named && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// What keeps a connection from hanging on a network or a server that is gone, where the URL does not say it.
fn fill_in(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(10));
    }
    if config.get_keepalives() && config.get_keepalives_interval().is_none() {
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
    }
    if config.get_application_name().is_none() {
        config.application_name("grantd");
    }
    // Of several hosts, the one that takes writes: after a failover, another one.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
}

/// What the parser says: names of options, never their values.
fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
