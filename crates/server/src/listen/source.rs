//! Where a request comes from, for throttling and the log (LIMITS-02, NEVER-07).

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::network::Network;

/// The client's address, in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(pub IpAddr);

impl Source {
    /// The network that shares the client's limits: one household, one company, one attacker. /24 or /56.
    pub fn network(self) -> String {
        let prefix = if self.0.to_canonical().is_ipv4() { 24 } else { 56 };
        Network::around(self.0, prefix).to_string()
    }
}

/// The proxies whose `X-Forwarded-For` is believed. From any other peer the header is ignored.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Only these addresses.
    pub fn new(proxies: Vec<Network>) -> Self {
        Self(proxies)
    }

    /// Whether this peer is one of them.
    pub fn contains(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.contains(peer))
    }

    /// The client of a request that came from `peer`.
    ///
    /// Read from the right: each proxy appends who spoke to it, so the first address that is no proxy of ours was seen by one
    /// that is; everything to the left of it is the client's own claim.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let mut source = peer.to_canonical();
        if !self.contains(source) {
            return Source(source);
        }
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(http::HeaderValue::as_bytes).collect();
        // By hops, not by lines: a client cannot have a line that a proxy finished passed over by beginning it with a letter
        // that is none.
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
            // A hop that is no address ends the trail: what stands before it was not written by a proxy that we trust.
            let Some(address) = parse_hop(hop) else { break };
            source = address.to_canonical();
            if !self.contains(source) {
                break;
            }
        }
        Source(source)
    }
}

/// An address, as some proxies write it also with a port or in brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

const FORWARDED_FOR: &str = "x-forwarded-for";
