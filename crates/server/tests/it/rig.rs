//! A whole grantd on a loopback port, with people, clients and a real API beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use grantd::app::{App, Shared};
use grantd::fetch::FetchSettings;
use grantd::keys::KekSource;
use grantd::keys::timeline::ROTATE_EVERY;
use grantd::listen::{Drained, Limits, TrustedProxies};
use grantd::pages::Mode;
use grantd::serve::{self, Reach, StartFault, Startup};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::Issuer;
use grantd_protocol::settings::Settings;
use grantd_store::{Location, Options, Store};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) mod asking;
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod html;
pub(crate) mod people;
pub(crate) mod shop;

pub(crate) use asking::{Asking, VERIFIER, basic};
pub(crate) use browser::{Answer, Browser};
pub(crate) use people::{MAIL, PASSWORD, secret_of};
pub(crate) use shop::{Behaviour, Shop, long_name};

/// How a server is to be started.
pub(crate) struct Setup {
    form: Form,
    path: &'static str,
    database: Location,
    key: KekSource,
    change: fn(&mut Settings),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Plain HTTP, the issuer is `http://localhost:PORT`.
    Development,
    /// The issuer is `https://id.example`, and a proxy on loopback speaks for browsers.
    BehindAProxy,
}

impl Setup {
    pub(crate) fn development() -> Self {
        Self {
            form: Form::Development,
            path: "",
            database: database::fresh(),
            key: KekSource::Fleeting,
            change: |_| {},
        }
    }

    pub(crate) fn behind_a_proxy() -> Self {
        Self { form: Form::BehindAProxy, ..Self::development() }
    }

    /// The issuer has this path.
    pub(crate) fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    pub(crate) fn with(mut self, change: fn(&mut Settings)) -> Self {
        self.change = change;
        self
    }

    /// The database is that of this folder, and the key a file in it.
    pub(crate) fn kept_in(mut self, folder: &Path) -> Self {
        self.database = database::of(folder);
        self.key = KekSource::File(folder.join("grantd.db.key"));
        self
    }

    /// Database and key are files in this folder, whatever database was chosen: for what is about the files of SQLite.
    pub(crate) fn kept_in_files_in(mut self, folder: &Path) -> Self {
        self.database = Location::File(folder.join("grantd.db"));
        self.key = KekSource::File(folder.join("grantd.db.key"));
        self
    }

    /// The database is this one.
    pub(crate) fn on(mut self, database: Location) -> Self {
        self.database = database;
        self
    }

    pub(crate) fn sealed_with(mut self, key: KekSource) -> Self {
        self.key = key;
        self
    }

    fn issuer(&self, port: u16) -> String {
        match self.form {
            Form::Development => format!("http://localhost:{port}{}", self.path),
            Form::BehindAProxy => format!("https://id.example{}", self.path),
        }
    }

    fn startup(self, issuer: &str, shop: &Shop) -> Startup {
        let mut settings = Settings::new(Issuer::new(issuer));
        (self.change)(&mut settings);
        Startup {
            settings,
            mode: if self.form == Form::Development { Mode::Development } else { Mode::Production },
            database: self.database,
            key_encryption_key: self.key,
            rotate_keys_every: ROTATE_EVERY,
            fetch: FetchSettings { allow: vec![shop.host_port()], ..FetchSettings::default() },
        }
    }

    /// Opens store and keys, as starting does first.
    pub(crate) async fn open(self) -> Result<Shared, StartFault> {
        let shop = Shop::reserve().await;
        let issuer = self.issuer(8080);
        serve::open(self.startup(&issuer, &shop)).await
    }

    /// Starts, and lets everybody move in.
    pub(crate) async fn start(self) -> Rig {
        let rig = self.start_empty().await;
        let (boxes, things) = (rig.shop.id(), rig.shop.things_endpoint());
        rig.put(people::everybody(&boxes, &things).await).await;
        rig
    }

    /// Starts with whatever is in the database.
    pub(crate) async fn start_empty(self) -> Rig {
        self.start_over(|app| app).await
    }

    /// Starts with whatever is in the database, on a store with these bounds.
    pub(crate) async fn start_with_store(self, options: &Options) -> Rig {
        let store = Store::open_with(&self.database, options).unwrap();
        self.start_over(|app| App { store, ..app }).await
    }

    async fn start_over(self, change: impl FnOnce(App) -> App) -> Rig {
        let form = self.form;
        let port = match form {
            // The issuer holds the port, so it must be known before the server listens on it.
            Form::Development => port_to_itself().await,
            Form::BehindAProxy => 0,
        };
        let issuer = self.issuer(port);
        let shop = Shop::reserve().await;
        let app = serve::open(self.startup(&issuer, &shop)).await.unwrap();
        let app = Arc::new(change(Arc::into_inner(app).unwrap()));
        Rig::serve(app, form, port, shop).await
    }
}

/// A server that runs until it is dropped or stopped.
pub(crate) struct Rig {
    pub(crate) app: Shared,
    pub(crate) issuer: String,
    pub(crate) shop: Shop,
    address: SocketAddr,
    /// Another node, to which every second request goes.
    pub(crate) beside: Option<SocketAddr>,
    form: Form,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<Drained, StartFault>>,
}

impl Rig {
    pub(crate) async fn development() -> Self {
        Setup::development().start().await
    }

    pub(crate) async fn behind_a_proxy() -> Self {
        Setup::behind_a_proxy().start().await
    }

    async fn serve(app: Shared, form: Form, port: u16, shop: Shop) -> Self {
        let issuer = app.settings.issuer.as_str().to_owned();
        let reach = reach(form, port);
        let (end, ending) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let running = serve::answer(app.clone(), reach, move |address| tell.send(address).unwrap(), async move {
            let _ = ending.await;
        });
        let ended = tokio::spawn(running);
        let address = told.await.expect("the port is free");
        let shop = shop.open(&issuer);
        Self { app, issuer, shop, address, beside: None, form, stop: end, ended }
    }

    /// Tries to serve on the same port.
    pub(crate) async fn serve_again(&self) -> StartFault {
        let reach = reach(self.form, self.address.port());
        serve::answer(self.app.clone(), reach, |_| {}, async {}).await.expect_err("the port is taken")
    }

    /// Ends it, and waits until the database is closed.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.ended.await.unwrap().unwrap();
        while Arc::strong_count(&self.app) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn put(&self, changes: Vec<Change>) {
        let commit = self.app.store.commit(&self.app.settings.issuer, changes).await.unwrap();
        assert_eq!(commit, Commit::Done);
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser {
        self.browser_from("203.0.113.9")
    }

    /// A browser at this address, as the proxy reports it; without a proxy every browser is on this computer.
    pub(crate) fn browser_from(&self, address: &str) -> Browser {
        let host = self.issuer.split("://").nth(1).unwrap().split('/').next().unwrap();
        let forwarded = (self.form == Form::BehindAProxy).then(|| address.to_owned());
        let nodes = [self.address].into_iter().chain(self.beside).collect();
        Browser::new(nodes, host, forwarded)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path of the issuer, as it is asked for.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.app.base_path)
    }

    /// A token request without credentials in the header.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)]) -> Answer {
        self.browser().post(&self.path("/token"), parameters).await
    }

    /// A token request of a client that authenticates by `client_secret_basic`.
    pub(crate) async fn token_by(&self, client: &str, parameters: &[(&str, &str)]) -> Answer {
        let mut back_channel = self.browser();
        let request = back_channel.form(&self.path("/token"), parameters);
        let request = request.header("authorization", basic(client, people::secret_of(client)));
        back_channel.send(request).await
    }

    /// Redeems a code for the client `web`.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.token_by("web", &[("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)]).await
    }
}

fn reach(form: Form, port: u16) -> Reach {
    let proxies = match form {
        Form::Development => TrustedProxies::default(),
        Form::BehindAProxy => TrustedProxies::new(vec!["127.0.0.1".parse().unwrap()]),
    };
    let listen = (Ipv4Addr::LOCALHOST, port).into();
    Reach { listen, hosts: Vec::new(), proxies, limits: Limits::default(), tls: None }
}

/// A port that stays free until the server takes it: none that the system gives to whoever asks for any, and none that
/// another test of this process was given.
async fn port_to_itself() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_this_process = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 20_000 + (of_this_process + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return port;
        }
    }
}
