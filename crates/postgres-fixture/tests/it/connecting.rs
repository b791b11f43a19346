//! What a schema's address opens.

use std::sync::Arc;

use grantd_postgres_fixture::{Isolation, Options, Schema, Server};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, NoTls, Socket};

pub(crate) async fn connect(url: &str) -> Client {
    connect_by(url, NoTls).await.unwrap()
}

async fn connect_by<T>(url: &str, tls: T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket> + 'static,
    T::Stream: Send,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = tokio_postgres::connect(url, tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn asked(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_schema_is_empty_its_owners_alone_and_isolated_as_it_was_asked_for() {
    for (isolation, name) in [(Isolation::ReadCommitted, "read committed"), (Isolation::Serializable, "serializable")] {
        let [one, other] = [(); 2].map(|()| Server::shared().schema(isolation));
        let (at_one, at_other) = (connect(&one.url()).await, connect(&other.url()).await);
        for client in [&at_one, &at_other] {
            client.batch_execute("CREATE TABLE things (id TEXT)").await.unwrap();
            assert_eq!(asked(client, "SHOW transaction_isolation").await, name);
        }
        at_one.execute("INSERT INTO things VALUES ('a')", &[]).await.unwrap();
        assert_eq!(asked(&at_other, "SELECT count(*)::text FROM things").await, "0");
        assert_eq!(Server::shared().execute_in(&one, "SELECT id FROM things"), [[Some("a".to_owned())]]);
    }
}

#[tokio::test]
async fn an_encrypted_server_with_a_password_takes_nobody_without_them() {
    let server = Server::start(&Options { tls: true, password: Some("letmein"), ..Options::default() });
    let schema = server.schema(Isolation::ReadCommitted);
    let wrong = Schema::url(&schema).replace("letmein", "letmeout");
    let plain = format!("{}&sslmode=disable", schema.url());
    let encrypted = |url: String| format!("{url}&sslmode=require&channel_binding=require");
    let tls = tls(server.certificate().unwrap());
    assert!(connect_by(&encrypted(wrong), tls.clone()).await.is_err());
    assert!(connect_by(&plain, NoTls).await.is_err());
    let client = connect_by(&encrypted(schema.url()), tls).await.unwrap();
    assert_eq!(asked(&client, "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await, "true");
}

fn tls(certificate: &str) -> tokio_postgres_rustls::MakeRustlsConnect {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    tokio_postgres_rustls::MakeRustlsConnect::new(config)
}
