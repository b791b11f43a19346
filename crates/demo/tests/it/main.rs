//! What of the demonstration can be held without an authorization server. The dance itself is run by the server's tests.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod authorization_server;
mod back_channel;
mod declarations;
mod forms;
mod mailroom;
mod metadata;
mod native;
mod redirect;
mod session;

use url::Url;

fn parameter(address: &Url, name: &str) -> String {
    address.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
}
