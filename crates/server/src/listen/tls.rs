//! TLS for a listener without a proxy in front.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its key, ready to accept TLS 1.2 and 1.3 with HTTP/1.1 inside.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl Tls {
    /// Reads both PEM files; the key's must not be readable by every user of the machine. Whether the certificate is valid today, and for which names, is for clients to check.
    pub fn from_pem_files(certificates: &Path, key: &Path) -> Result<Self, TlsFault> {
        let unreadable = |path: &Path, error: rustls_pki_types::pem::Error| TlsFault::File {
            path: path.to_owned(),
            why: error.to_string(),
        };
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(certificates, error))?;
        if chain.is_empty() {
            return Err(TlsFault::File { path: certificates.to_owned(), why: "no certificate in it".to_owned() });
        }
        if std::fs::metadata(key).is_ok_and(|file| file.permissions().mode() & 0o007 != 0) {
            return Err(TlsFault::ReadableByAll(key.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // LIMITS-03: HTTP/2 is not offered, so its floods have no door.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file is missing, not readable, or not PEM of the right kind.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        why: String,
    },
    /// The key is no secret.
    #[error("the TLS key {} may be read by every user of this machine; run: chmod o= {}", .0.display(), .0.display())]
    ReadableByAll(PathBuf),
    /// The files are readable, but the library refuses them: key and certificate do not belong together, for example.
    #[error("the TLS certificate and key cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}
