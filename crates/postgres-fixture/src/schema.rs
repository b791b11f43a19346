//! An empty part of a server, and how it is addressed.

use std::net::SocketAddr;

use crate::server::Server;

/// How far the transactions of one connection are kept from seeing those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// PostgreSQL's own choice where nothing is said: each statement sees what was committed before it began.
    ReadCommitted,
    /// As if one transaction ran after the other; one that cannot be put in such an order fails (40001).
    Serializable,
}

impl Isolation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ReadCommitted, Self::Serializable];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read committed",
            Self::Serializable => "serializable",
        }
    }

    /// A database whose transactions are isolated like this.
    pub(crate) fn database(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::Serializable => "serializable",
        }
    }
}

const SEARCH_PATH: &str = "?options=-csearch_path%3D";

/// A schema of a test's own.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(crate) name: String,
    pub(crate) database: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) password: Option<&'static str>,
}

impl Schema {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a client finds it: tables without a schema's name are this one's. With TLS, `&sslmode=…` may be put behind it.
    pub fn url(&self) -> String {
        self.url_at(&[self.address])
    }

    /// As [`Schema::url`], through a proxy.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        self.url_at(&[proxy])
    }

    /// As [`Schema::url`], wherever of these servers is the primary.
    pub fn url_of_primary(&self, servers: &[&Server]) -> String {
        let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address()).collect();
        format!("{}&target_session_attrs=read-write", self.url_at(&addresses))
    }

    /// The names of the database and of the schema in a URL that was made here.
    pub(crate) fn parts_of(url: &str) -> (&str, &str) {
        let (server, schema) = url.split_once(SEARCH_PATH).unwrap();
        let (_, database) = server.rsplit_once('/').unwrap();
        (database, schema.split('&').next().unwrap())
    }

    fn url_at(&self, addresses: &[SocketAddr]) -> String {
        let Self { name, database, password, .. } = self;
        let password = password.map(|password| format!(":{password}")).unwrap_or_default();
        let hosts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        format!("postgres://grantd{password}@{}/{database}{SEARCH_PATH}{name}", hosts.join(","))
    }
}
