//! node-oidc-provider through the same driver, in the same minutes: the same requests, answered with the same content.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::catalogue::{
    CLIENT_CREDENTIALS, FLOW, INTROSPECTION, PEER_CLIENT_CREDENTIALS, PEER_FLOW, PEER_INTROSPECTION, PEER_REFRESH,
    PEER_RESIDENT, REFRESH,
};
use super::town::{Pace, Town};
use crate::book::{Book, Line};
use crate::driver::{Connection, Load};
use crate::fault::Fault;
use crate::process::Process;
use crate::server::Server;
use crate::visitors::repeating::opaque_token;
use crate::visitors::{Refreshing, Repeating, Till, WholeFlow};
use crate::world::{CALLBACK, Credentials, HOST, ROBOT, SEALED_API, WEB};

/// Starts it, with one person who is signed in.
pub async fn start(pace: Pace) -> Result<Town, Fault> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    if !folder.join("node_modules/oidc-provider").is_dir() {
        return Err(Fault::Usage("node-oidc-provider is not installed: (cd bench/peers && npm ci)".to_owned()));
    }
    let named = |client: Credentials| json!({ "id": client.id, "secret": client.secret });
    let clients = [WEB, ROBOT, SEALED_API].map(named);
    let world = json!({ "issuer": format!("http://{HOST}"), "callback": CALLBACK, "clients": clients });
    let mut command = Command::new("node");
    command.arg("server.js").current_dir(folder).stderr(Stdio::null());
    command.env("NODE_ENV", "production").env("BENCH_WORLD", world.to_string());
    let (process, address) = Process::start("node-oidc-provider", command)?;
    Town::elsewhere(Server { process, address }, pace).await
}

/// One round, held against what grantd did in the same one.
pub async fn measure(peer: &Town, book: &mut Book) -> Result<(), Fault> {
    // It works on one thread: more connections would only wait longer.
    let (load, _) = peer.load(vec![Repeating::client_credentials(); CONNECTIONS]).await?;
    note(book, PEER_CLIENT_CREDENTIALS, CLIENT_CREDENTIALS, &load);

    let opaque = opaque_token(&mut Connection::open(peer.server.address).await?).await?;
    let (load, _) = peer.load(vec![Repeating::introspection(&opaque); CONNECTIONS]).await?;
    note(book, PEER_INTROSPECTION, INTROSPECTION, &load);

    let tokens = peer.refresh_tokens(CONNECTIONS * GRANTS_EACH).await?;
    let each = tokens.chunks(GRANTS_EACH).map(|tokens| Refreshing::new(tokens.to_vec())).collect();
    let (load, _) = peer.load(each).await?;
    note(book, PEER_REFRESH, REFRESH, &load).remark(ONE_SIGNATURE);

    let till = Till::default();
    let browser = peer.browser(0)?;
    let (load, _) = peer.load((0..CONNECTIONS).map(|_| WholeFlow::new(browser, &till)).collect()).await?;
    note(book, PEER_FLOW, FLOW, &load).remark(ONE_GRANT);

    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
    book.add(PEER_RESIDENT, peer.server.process.most_resident()? as f64 / 1e6);
    Ok(())
}

fn note<'a>(book: &'a mut Book, line: Line, ours: Line, load: &Load) -> &'a mut crate::book::Figure {
    let own = book.find(ours.id).and_then(|figure| figure.values.last().copied());
    let figure = book.add_load(line, load, None);
    figure.ratios.extend(own.map(|own| own / load.per_cpu_second()));
    figure.remark(IN_MEMORY)
}

const IN_MEMORY: &str =
    "unequal: it keeps everything in a map in memory, where nothing is durable; no events, no log, no limits";
const ONE_SIGNATURE: &str = "equal: no ID token is asked for, so both sign once";
const ONE_GRANT: &str = "unequal: it goes on with one grant that is there; grantd records each approval anew";

const CONNECTIONS: usize = 32;
const GRANTS_EACH: usize = 4;
