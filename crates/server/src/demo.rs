//! `grantd demo`: the post office, open on this computer. Starts a real grantd beside the services of `grantd-demo`; between
//! them there is HTTP and nothing else.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use grantd_demo::{DemoFault, PEOPLE, PostOffice, Running};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigFaults, Sources};
use crate::listen::{BindFault, Drained, interrupted};
use crate::pages::Mode;
use crate::serve::{StartFault, serve};

/// Where it is if nothing else is there.
const PORT: u16 = 8420;

/// What to do once everything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// Print the addresses and wait for a person with a browser.
    Visit,
    /// Walk the dance without a browser, try what must fail, and end.
    Script,
}

/// Why it does not run, or did not go as it must.
#[derive(Debug, thiserror::Error)]
pub enum DemoRunFault {
    /// A service or a step.
    #[error(transparent)]
    Demo(#[from] DemoFault),
    /// The declarations.
    #[error("the demo's own configuration is refused:\n{0}")]
    Config(#[from] ConfigFaults),
    /// grantd itself.
    #[error(transparent)]
    Start(#[from] StartFault),
    /// A port, the folder for throw-away data, or the terminal.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// grantd ended before it answered.
    #[error("grantd ended before it answered")]
    Ended,
}

/// Opens the post office, and closes it at the end. All data is thrown away.
pub async fn run(demo: Demo, out: &mut impl Write) -> Result<(), DemoRunFault> {
    let office = PostOffice::open().await?;
    let server = start(&office).await?;
    let mut running = office.start(&server.issuer).await?;
    let outcome = match demo {
        Demo::Visit => visit(&mut running, &server.issuer, out).await,
        Demo::Script => grantd_demo::script(&running, out).await.map(drop).map_err(DemoRunFault::from),
    };
    drop(running);
    server.stop().await?;
    outcome
}

/// grantd, answering. Its data is gone with it.
struct Server {
    issuer: String,
    serving: JoinHandle<Result<Drained, StartFault>>,
    stop: oneshot::Sender<()>,
    folder: TempDir,
}

impl Server {
    async fn stop(self) -> Result<(), DemoRunFault> {
        let Self { serving, stop, folder, .. } = self;
        // A server that has ended already needs no telling.
        let _ = stop.send(());
        let ended = serving.await;
        drop(folder);
        match ended {
            Ok(Err(fault)) => Err(fault.into()),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }
}

/// Starts grantd on a port of its own. Its issuer has the port in its name, so the port is chosen first, and somebody else who looked
/// for one at the same moment may be quicker.
async fn start(office: &PostOffice) -> Result<Server, DemoRunFault> {
    const OTHER_PORTS: usize = 4;
    for _ in 0..OTHER_PORTS {
        match start_on(free_port()?, office).await {
            Err(DemoRunFault::Start(StartFault::Bind(BindFault::Taken { .. }))) => {}
            started => return started,
        }
    }
    start_on(free_port()?, office).await
}

async fn start_on(port: u16, office: &PostOffice) -> Result<Server, DemoRunFault> {
    let folder = tempfile::tempdir().map_err(io("cannot make a folder for throw-away data"))?;
    let config = Config::load(&sources(office, port, folder.path().to_owned())?)?;
    let issuer = config.settings.issuer.as_str().to_owned();
    let (tell_bound, bound) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(
        config,
        |address| {
            // Nobody listening any more means that the demo is ending anyway.
            let _ = tell_bound.send(address);
        },
        async move { drop(stopped.await) },
    ));
    if bound.await.is_ok() {
        return Ok(Server { issuer, serving, stop, folder });
    }
    match serving.await {
        Ok(Err(fault)) => Err(fault.into()),
        Ok(Ok(_)) | Err(_) => Err(DemoRunFault::Ended),
    }
}

/// The native app, beside a post office that is open already.
pub async fn native(issuer: &str, lockbox: &str, out: &mut impl Write) -> Result<(), DemoRunFault> {
    let person = std::io::BufReader::new(std::io::stdin());
    Ok(grantd_demo::native::run(issuer, lockbox, person, out).await?)
}

/// The post office's declarations in a file of their own, for this port.
fn sources(office: &PostOffice, port: u16, folder: PathBuf) -> Result<Sources, DemoRunFault> {
    let file = folder.join("grantd.toml");
    let text = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n\n{}", office.declarations());
    std::fs::write(&file, text).map_err(io("cannot write the demo's configuration"))?;
    let mut environment = office.secrets();
    environment.push(("GRANTD_DATABASE__PATH".to_owned(), folder.join("grantd.db").display().to_string()));
    Ok(Sources { mode: Mode::Development, file: Some(file), settings: Vec::new(), environment, directory: folder })
}

/// The usual port, or any.
fn free_port() -> Result<u16, DemoRunFault> {
    let bind = |port| std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener = bind(PORT).or_else(|_| bind(0)).map_err(io("no port is free on 127.0.0.1"))?;
    let address = listener.local_addr().map_err(io("no port is free on 127.0.0.1"))?;
    Ok(address.port())
}

async fn visit(running: &mut Running, issuer: &str, out: &mut impl Write) -> Result<(), DemoRunFault> {
    // From before the guide on: whoever reads it may press Ctrl-C at once.
    let stop = interrupted().map_err(io("cannot wait for Ctrl-C"))?;
    guide(running, issuer, out).map_err(io("cannot write the guide"))?;
    tokio::select! {
        () = running.ended() => Err(DemoRunFault::Ended),
        () = stop => {
            writeln!(out, "\nThe post office is closed; its data is gone.").map_err(io("cannot write"))
        }
    }
}

fn guide(running: &Running, issuer: &str, out: &mut impl Write) -> std::io::Result<()> {
    let at = running.addresses();
    writeln!(out, "The post office is open. Everything runs on this computer, and nothing is kept.\n")?;
    writeln!(out, "  Start here        {}   a web app that would like to read your letters", at.mailroom)?;
    writeln!(out, "  grantd            {issuer}   where you sign in and decide")?;
    writeln!(out, "  what you gave     {issuer}/account/access   take a box back, or everything")?;
    writeln!(out, "  lockboxes         {}   an API: three boxes a person", at.lockbox)?;
    writeln!(out, "  parcel counter    {}   a second API, which the keys of the first do not open", at.parcels)?;
    writeln!(out, "  browser app       {}   no server of its own", at.browser)?;
    writeln!(
        out,
        "  phone             {}   an app with a scheme of its own, and a rogue that claimed it too",
        at.postkeeper
    )?;
    writeln!(out)?;
    for person in PEOPLE {
        writeln!(out, "  sign in as        {} / {}", person.username, person.password)?;
    }
    // As it was called, so that the lines can be pasted.
    let me = std::env::args().next().unwrap_or_else(|| "grantd".to_owned());
    let native = format!("{me} demo --native --issuer {issuer} --lockbox {}", at.lockbox_resource());
    writeln!(out, "\n  native app        {native}")?;
    writeln!(out, "  all by itself     {me} demo --script\n\nCtrl-C closes.")?;
    out.flush()
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> DemoRunFault {
    move |source| DemoRunFault::Io { doing, source }
}
