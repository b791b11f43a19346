//! Opening the post office: listeners first, so that addresses can be declared; services when grantd is there.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::addresses::{Addresses, Doors};
use crate::back_channel::BackChannel;
use crate::declarations::{ClientSecrets, declarations, secrets};
use crate::fault::DemoFault;
use crate::mailroom::Mailroom;
use crate::metadata::Metadata;
use crate::postkeeper::PostKeeper;
use crate::rogue::Rogue;
use crate::{lockbox, parcels, postcard};

/// No form of these apps is larger.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// All parties with their addresses, before anybody answers.
#[derive(Debug)]
pub struct PostOffice {
    doors: Doors,
    addresses: Addresses,
    client_secrets: ClientSecrets,
}

impl PostOffice {
    /// Takes the listeners, on loopback only.
    pub async fn open() -> Result<Self, DemoFault> {
        let doors = Doors::open().await?;
        let addresses = doors.addresses()?;
        Ok(Self { doors, addresses, client_secrets: ClientSecrets::made() })
    }

    /// Where everybody will be.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Resources, clients and users for grantd's configuration (TOML), without their secrets.
    pub fn declarations(&self) -> String {
        declarations(&self.addresses)
    }

    /// The variables of grantd's environment that go with the declarations: names and values. The clients' secrets are made for this start.
    pub fn secrets(&self) -> Vec<(String, String)> {
        secrets(&self.client_secrets)
    }

    /// Starts every service. The issuer must answer already, with these declarations.
    pub async fn start(self, issuer: &str) -> Result<Running, DemoFault> {
        let back_channel = BackChannel::new()?;
        let metadata = Metadata::fetch(issuer, &back_channel).await?;
        let Self { doors, addresses, client_secrets } = self;
        let mailroom_secret = client_secrets.mailroom.secret();
        let mailroom = Mailroom::new(&addresses, mailroom_secret, metadata.clone(), back_channel.clone())?;
        let postkeeper = PostKeeper::new(&addresses, metadata.clone(), back_channel.clone())?;
        let rogue = Rogue::new(&addresses, &metadata, back_channel);
        let mut services = JoinSet::new();
        serve(&mut services, doors.lockbox, lockbox::router(issuer, &addresses)?);
        let counter_secret = client_secrets.parcel_counter.secret();
        serve(&mut services, doors.parcels, parcels::router(issuer, counter_secret, &addresses)?);
        serve(&mut services, doors.mailroom, mailroom.router());
        serve(&mut services, doors.browser, postcard::router(issuer, &addresses));
        serve(&mut services, doors.postkeeper, postkeeper.router());
        serve(&mut services, doors.rogue, rogue.router());
        Ok(Running { addresses, metadata, services })
    }
}

fn serve(services: &mut JoinSet<std::io::Result<()>>, listener: TcpListener, router: Router) {
    let router = router.layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    services.spawn(async move { axum::serve(listener, router).await });
}

/// The post office, open. Dropping it closes every service.
#[derive(Debug)]
pub struct Running {
    pub(crate) addresses: Addresses,
    pub(crate) metadata: Metadata,
    services: JoinSet<std::io::Result<()>>,
}

impl Running {
    /// Where everybody is.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Waits until a service ends, which none does by itself.
    pub async fn ended(&mut self) {
        self.services.join_next().await;
    }
}
