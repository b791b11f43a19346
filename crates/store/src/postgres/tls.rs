//! TLS to the server: its certificate is verified for its name against the operator's own authorities, or there is no connection.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server::PostgresServer;
use crate::fault::StoreFault;

/// What connects to a server. Without verification it is never asked: such a connection is plain.
pub(super) fn connector(server: &PostgresServer) -> Result<MakeRustlsConnect, StoreFault> {
    let untrusted = |reason: String| StoreFault::Untrusted { place: server.place(), reason };
    if server.is_verified() && server.root_certificates().is_empty() {
        return Err(untrusted("no root certificates are named, and those of the system are not used".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in server.root_certificates() {
        roots.add(certificate.clone()).map_err(|error| untrusted(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
