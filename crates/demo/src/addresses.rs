//! Where each party stands: every one on a listener of its own, on loopback only.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::fault::DemoFault;

/// The first of the ports that are tried; the parties take it and those that follow.
const FIRST_PORT: u16 = 8421;

/// The listeners of all parties, open but not yet served.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) lockbox: TcpListener,
    pub(crate) parcels: TcpListener,
    pub(crate) mailroom: TcpListener,
    pub(crate) browser: TcpListener,
    pub(crate) postkeeper: TcpListener,
    pub(crate) rogue: TcpListener,
}

impl Doors {
    /// Takes the usual ports, and a free one wherever a usual one is taken.
    pub(crate) async fn open() -> Result<Self, DemoFault> {
        Ok(Self {
            lockbox: listen(FIRST_PORT).await?,
            parcels: listen(FIRST_PORT + 1).await?,
            mailroom: listen(FIRST_PORT + 2).await?,
            browser: listen(FIRST_PORT + 3).await?,
            postkeeper: listen(FIRST_PORT + 4).await?,
            rogue: listen(FIRST_PORT + 5).await?,
        })
    }

    pub(crate) fn addresses(&self) -> Result<Addresses, DemoFault> {
        Ok(Addresses {
            lockbox: origin(&self.lockbox)?,
            parcels: origin(&self.parcels)?,
            mailroom: origin(&self.mailroom)?,
            browser: origin(&self.browser)?,
            postkeeper: origin(&self.postkeeper)?,
            rogue: origin(&self.rogue)?,
        })
    }
}

/// The origin of each party: `http://127.0.0.1:8421`, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The API of the lockboxes.
    pub lockbox: String,
    /// The API of the parcel counter.
    pub parcels: String,
    /// The web app with a back end.
    pub mailroom: String,
    /// The app that lives in the browser alone.
    pub browser: String,
    /// The app on a phone, with a private-use URI scheme.
    pub postkeeper: String,
    /// The app that has claimed the same scheme.
    pub rogue: String,
}

impl Addresses {
    /// The lockbox API's resource identifier: what clients name in `resource` and its tokens carry in `aud`.
    pub fn lockbox_resource(&self) -> String {
        format!("{}/boxes", self.lockbox)
    }

    /// The parcel API's resource identifier.
    pub fn parcels_resource(&self) -> String {
        format!("{}/parcels", self.parcels)
    }

    pub(crate) fn mailroom_callback(&self) -> String {
        format!("{}/callback", self.mailroom)
    }

    pub(crate) fn browser_callback(&self) -> String {
        format!("{}/callback", self.browser)
    }
}

async fn listen(usual_port: u16) -> Result<TcpListener, DemoFault> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, usual_port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => listen_anywhere().await,
    }
}

/// A fresh port on 127.0.0.1, and on no other interface (RFC 8252 §8.3).
pub(crate) async fn listen_anywhere() -> Result<TcpListener, DemoFault> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    TcpListener::bind(address).await.map_err(|source| DemoFault::Listen { address, source })
}

pub(crate) fn origin(listener: &TcpListener) -> Result<String, DemoFault> {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let address = listener.local_addr().map_err(|source| DemoFault::Listen { address: unknown, source })?;
    Ok(format!("http://{address}"))
}
