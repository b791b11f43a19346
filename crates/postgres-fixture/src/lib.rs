//! A PostgreSQL server for one test process: made in a directory of its own, on loopback and a free port, and gone with the process
//! however that ends.
//!
//! ```no_run
//! use grantd_postgres_fixture::{Isolation, Server};
//!
//! let schema = Server::shared().schema(Isolation::ReadCommitted);
//! println!("an empty database of this test's own: {}", schema.url());
//! ```
//!
//! Needs PostgreSQL's own programs (Debian: `apt-get install postgresql`), and says so where they are missing. PostgreSQL refuses to
//! run as root: there the server runs as the user `postgres`. Of no use outside tests and measurements: whatever fails here, panics.
//! Start at [`Server::shared`].
#![expect(clippy::panic, clippy::unwrap_used, reason = "for tests alone, and a test that cannot go on has failed")]
#![expect(clippy::missing_panics_doc, reason = "every function panics where it cannot do what it is for")]

mod administrator;
mod files;
mod schema;
mod server;
mod supervisor;

pub use schema::{Isolation, Schema};
pub use server::{Options, Server};
