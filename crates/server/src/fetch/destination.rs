//! Where an outbound request may go (FETCH-02, FETCH-03).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use url::{Host, Url};

use super::Why;
use crate::network::Network;

/// A URL that may be asked, and the addresses it may lead to.
#[derive(Debug)]
pub(super) struct Destination {
    url: Url,
    host: String,
    reach: Reach,
}

/// Whether plain HTTP needs an exception by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InPlain {
    /// Always.
    #[default]
    ByException,
    /// Not on loopback: development, where everything is on this computer, and only for URLs that the operator configured.
    EveryLoopback,
}

/// Which addresses a name may resolve to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public ones: the rule.
    Public,
    /// All: the operator named this host and port, and TLS says who is there.
    Anywhere,
    /// Loopback ones: the operator named this host and port, and nothing else makes plain HTTP safe.
    LoopbackInPlain,
}

impl Destination {
    /// Judges a URL, and its address if it is written as one; names are judged when they are resolved, by [`Guard`].
    pub(super) fn parse(url: &str, allow: &[HostPort], refuse: &[Network], in_plain: InPlain) -> Result<Self, Why> {
        let mut url = Url::parse(url).map_err(|_| Why::NotAUrl)?;
        url.set_fragment(None);
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err(Why::NotAUrl) };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Why::NotAUrl);
        }
        let host = host.to_owned();
        let named = HostPort { host: host.clone(), port };
        let reach = match (url.scheme(), allow.contains(&named)) {
            ("https", true) => Reach::Anywhere,
            ("https", false) if port == 443 => Reach::Public,
            ("http", true) => Reach::LoopbackInPlain,
            ("http", false) if in_plain == InPlain::EveryLoopback => Reach::LoopbackInPlain,
            _ => return Err(Why::NotAllowed),
        };
        // No resolver is asked for an address that is written out: it is judged here or nowhere.
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|address| !reach.permits(address, refuse)) {
            return Err(Why::ForbiddenAddress);
        }
        Ok(Self { host: host.to_string(), url, reach })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }
}

impl Reach {
    fn permits(self, address: IpAddr, refuse: &[Network]) -> bool {
        match self {
            Self::Public => is_public(address) && !refuse.iter().any(|network| network.contains(address)),
            Self::Anywhere => true,
            Self::LoopbackInPlain => address.to_canonical().is_loopback(),
        }
    }
}

/// Resolves names for one reach. What it gives is what is connected to: there is no second look-up to be tricked by.
#[derive(Debug)]
pub(super) struct Guard {
    reach: Reach,
    refuse: Vec<Network>,
}

impl Guard {
    pub(super) fn new(reach: Reach, refuse: Vec<Network>) -> Self {
        Self { reach, refuse }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, refuse) = (self.reach, self.refuse.clone());
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            // One bad address refuses the name: a name that is half inside is a trick, not a service.
            if addresses.iter().any(|address| !reach.permits(address.ip(), &refuse)) {
                return Err(Why::ForbiddenAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A host and a port, exactly: `localhost:8081`, `[::1]:8081`. Never a range, never a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: Host,
    port: u16,
}

impl FromStr for HostPort {
    type Err = NotAHostPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAHostPort)?;
        if host.contains('*') {
            return Err(NotAHostPort);
        }
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0).ok_or(NotAHostPort)?;
        Ok(Self { host: Host::parse(host).map_err(|_| NotAHostPort)?, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The text is not one host with one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write one host and its port, such as localhost:8081 or [::1]:8081")]
pub struct NotAHostPort;

/// Whether an address belongs to the public Internet (RFC 6890 and its registries).
///
/// An IPv6 address that carries an IPv4 one is judged by that, where such addresses are in use today (mapped, translated, NAT64);
/// tunnels of the past (6to4, Teredo) are not public.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match carried_v4(address) {
            Some(carried) => is_public_v4(carried),
            // Nothing outside of 2000::/3 is assigned to anybody as global unicast.
            None => in_v6(address, &[GLOBAL_UNICAST]) && !in_v6(address, &NOT_PUBLIC_V6),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|(network, prefix)| {
        let shift = 32 - prefix;
        network.to_bits() >> shift == address.to_bits() >> shift
    })
}

fn in_v6(address: Ipv6Addr, networks: &[(Ipv6Addr, u32)]) -> bool {
    networks.iter().any(|(network, prefix)| {
        let shift = 128 - prefix;
        network.to_bits() >> shift == address.to_bits() >> shift
    })
}

fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    in_v6(address, &CARRIES_V4).then(|| Ipv4Addr::new(a, b, c, d))
}

const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // "this network", unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers (CGNAT)
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

const CARRIES_V4: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), // mapped, RFC 4291 §2.5.5.2
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96), // translated, RFC 2765 §2.1
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96), // NAT64, RFC 6052 §2.1
];
