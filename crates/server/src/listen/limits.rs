//! How much one peer may ask for, in one place.

use std::time::Duration;

/// The limits of a listener (LIMITS-01, LIMITS-02). The defaults are the catalogue's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Request line and header fields together, in bytes: 431 beyond.
    pub max_head_bytes: usize,
    /// Header fields: 431 beyond.
    pub max_headers: usize,
    /// A request body, in bytes: 413 beyond. Forms of this server are far smaller.
    pub max_body_bytes: u64,
    /// From the first byte of a head to its last; and from accepting a connection to its first byte.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body, plus one second for each `body_bytes_per_second` received.
    pub body_timeout: Duration,
    /// The slowest pace at which a body may go on after `body_timeout`.
    pub body_bytes_per_second: u64,
    /// From the end of an answer to the next request's first byte.
    pub idle_timeout: Duration,
    /// How long a peer may refuse to take what it asked for.
    pub write_timeout: Duration,
    /// The TLS handshake as a whole.
    pub handshake_timeout: Duration,
    /// Open connections in total.
    pub max_connections: usize,
    /// Open connections of one source: an IPv4 address or an IPv6 /64. Trusted proxies are exempt: they carry everybody's.
    pub max_connections_per_source: usize,
    /// After the signal to stop: for requests under way.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head_bytes: 32 * 1024,
            max_headers: 100,
            max_body_bytes: 128 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            body_bytes_per_second: 1024,
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            max_connections: 4096,
            max_connections_per_source: 512,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
