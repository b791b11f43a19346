use super::*;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use grantd::listen::{Tls, TlsFault};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

struct Files {
    _folder: tempfile::TempDir,
    certificate: std::path::PathBuf,
    key: std::path::PathBuf,
    trusted: RootCertStore,
}

fn files() -> Files {
    let made = rcgen::generate_simple_self_signed(["id.example".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    Files { _folder: folder, certificate, key, trusted }
}

async fn start(files: &Files) -> Server {
    let tls = Tls::from_pem_files(&files.certificate, &files.key).unwrap();
    let limits = Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    Server::start_with(limits, |serving| serving.tls = Some(tls)).await
}

#[tokio::test]
async fn tls_1_2_and_1_3_carry_http_1_1() {
    let files = files();
    let server = start(&files).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(files.trusted.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("id.example").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.write_all(GOODBYE.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let server = start(&files()).await;
    let mut stream = server.connect().await;
    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(!server.exchange(GOOD.as_bytes()).await.contains("200"), "plain HTTP is not answered on a TLS port");
}

#[test]
fn unusable_files_are_named() {
    let (one, other) = (files(), files());
    let missing = Tls::from_pem_files(&one.certificate.with_file_name("nowhere.pem"), &one.key);
    assert!(missing.err().unwrap().to_string().contains("nowhere.pem"));
    let swapped = Tls::from_pem_files(&one.key, &one.key).err().unwrap();
    assert!(swapped.to_string().contains("no certificate in it"), "{swapped}");
    let foreign = Tls::from_pem_files(&one.certificate, &other.key).err().unwrap();
    assert!(matches!(foreign, TlsFault::Refused(_)), "{foreign}");
    std::fs::set_permissions(&one.key, Permissions::from_mode(0o604)).unwrap();
    let open = Tls::from_pem_files(&one.certificate, &one.key).err().unwrap().to_string();
    assert!(open.contains("may be read by every user of this machine; run: chmod o= "), "{open}");
}
