//! The accept loop: takes connections, turns away what is too much, and ends in order.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::connections::{Cap, Connections, Place};
use super::stream::GuardedStream;
use super::{HostNames, Limits, PanicCount, Tls, TrustedProxies, stack};
use crate::http::headers::SecurityHeaders;
use crate::telemetry::RequestIds;

/// A bound socket that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// How a listener serves.
#[derive(Clone)]
pub struct Serving {
    /// The names it answers to.
    pub names: HostNames,
    /// The headers of every answer.
    pub headers: SecurityHeaders,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// The limits.
    pub limits: Limits,
    /// TLS, or plain HTTP: for loopback and behind a proxy only, which the configuration has checked (NEVER-07).
    pub tls: Option<Tls>,
    /// Makes the id of each request.
    pub request_ids: RequestIds,
    /// Counts panics; keep a clone to read it.
    pub panics: PanicCount,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Clean,
    /// Some were cut off at the drain limit.
    CutOff,
}

impl Listener {
    /// Binds `address`. Port 0 takes a free port: see [`Listener::address`].
    pub async fn bind(address: SocketAddr) -> Result<Self, BindFault> {
        let fault = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindFault::Taken { address },
            io::ErrorKind::PermissionDenied => BindFault::NotAllowed { address },
            io::ErrorKind::AddrNotAvailable => BindFault::NotHere { address },
            _ => BindFault::Other { address, source },
        };
        let socket = TcpListener::bind(address).await.map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address })
    }

    /// The address that was bound, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `app` behind all guards until `shutdown` is done, then lets requests under way finish.
    pub async fn serve(self, app: Router, serving: Serving, shutdown: impl Future<Output = ()>) -> Drained {
        let app = stack::guarded(app, &serving);
        let limits = serving.limits;
        let (stage, seen_by_connections) = watch::channel(Stage::Running);
        let connections = Connections::new(limits.max_connections, limits.max_connections_per_source);
        let door =
            Door { app, serving, stage: seen_by_connections, connections, farewells: Arc::new(Semaphore::new(64)) };
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => door.admit(stream, peer.ip().to_canonical()),
                    Err(error) => {
                        // Out of file descriptors, most likely: others will be closed soon. Spinning would not help them.
                        tracing::error!(%error, "cannot accept connections");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        // Whoever stands in the queue was let in by the kernel already: closing it would throw them out unanswered.
        while let Some((stream, peer)) = self.already_waiting().await {
            door.admit(stream, peer.ip().to_canonical());
        }
        // From here on the kernel turns new connections away.
        drop(self.socket);
        drop(door);
        drain(&stage, limits.drain_timeout).await
    }

    /// A connection that need not be waited for.
    async fn already_waiting(&self) -> Option<(TcpStream, SocketAddr)> {
        poll_fn(|context| match self.socket.poll_accept(context) {
            Poll::Ready(Ok(waiting)) => Poll::Ready(Some(waiting)),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}

/// How long a connection that has just come may take for its first request once the server is ending.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// Listens for SIGTERM and ctrl-c from now on; what it returns is done when one of them comes. A signal that comes before the
/// first poll is not lost, and does not end the process in another way.
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Why an address cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BindFault {
    /// Another process has it.
    #[error(
        "cannot listen on {address}: another process already does. Stop it, or choose another address (`--listen` or \
         `http.listen`; port 0 takes a free one)"
    )]
    Taken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system forbids it: ports below 1024 are the usual case.
    #[error(
        "cannot listen on {address}: not permitted. Ports below 1024 need a privilege; choose a higher one (`--listen` or \
         `http.listen`), or grant CAP_NET_BIND_SERVICE"
    )]
    NotAllowed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// No network interface has this address.
    #[error("cannot listen on {address}: this machine has no such address. 127.0.0.1 and 0.0.0.0 always work")]
    NotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// Finish the request under way, take no other.
    Draining,
    /// Stop now.
    Over,
}

async fn left_running(stage: &mut watch::Receiver<Stage>) {
    // An error means that the listener is gone, which is the same.
    let _ = stage.wait_for(|stage| *stage != Stage::Running).await;
}

async fn is_over(stage: &mut watch::Receiver<Stage>) {
    let _ = stage.wait_for(|stage| *stage == Stage::Over).await;
}

async fn drain(stage: &watch::Sender<Stage>, limit: Duration) -> Drained {
    stage.send_replace(Stage::Draining);
    // Closed when the last connection has dropped its receiver.
    if timeout(limit, stage.closed()).await.is_ok() {
        return Drained::Clean;
    }
    stage.send_replace(Stage::Over);
    stage.closed().await;
    Drained::CutOff
}

/// What each new connection gets a copy of.
struct Door {
    app: Router,
    serving: Serving,
    stage: watch::Receiver<Stage>,
    connections: Arc<Connections>,
    /// Bounds the connections that are being told "503".
    farewells: Arc<Semaphore>,
}

impl Door {
    fn admit(&self, stream: TcpStream, peer: IpAddr) {
        let cap = if self.serving.proxies.contains(peer) { Cap::TotalOnly } else { Cap::PerSource };
        let Some(place) = self.connections.take(peer, cap) else {
            return self.turn_away(stream);
        };
        // Answers are written whole; waiting to fill packets only delays them. Failing to set this harms nothing.
        let _ = stream.set_nodelay(true);
        let visit = Visit { app: self.app.clone(), serving: self.serving.clone(), peer, _place: place };
        let mut stage = self.stage.clone();
        let mut over = self.stage.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = visit.receive(stream, &mut stage) => {}
                () = is_over(&mut over) => {}
            }
        });
    }

    /// LIMITS-02. Without a free hand for a word of farewell, or when TLS would have to come first, just closes.
    fn turn_away(&self, mut stream: TcpStream) {
        tracing::debug!("turned a connection away: too many are open");
        let Ok(permit) = Arc::clone(&self.farewells).try_acquire_owned() else { return };
        if self.serving.tls.is_some() {
            return;
        }
        tokio::spawn(async move {
            if stream.write_all(BUSY).await.is_ok() {
                close(stream).await;
            }
            drop(permit);
        });
    }
}

/// One connection while it is served.
struct Visit {
    app: Router,
    serving: Serving,
    peer: IpAddr,
    _place: Place,
}

impl Visit {
    async fn receive(&self, stream: TcpStream, stage: &mut watch::Receiver<Stage>) {
        match &self.serving.tls {
            None => self.converse(stream, stage).await,
            Some(Tls(acceptor)) => {
                match timeout(self.serving.limits.handshake_timeout, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.converse(stream, stage).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            }
        }
    }

    async fn converse<Io: AsyncRead + AsyncWrite + Unpin>(&self, io: Io, stage: &mut watch::Receiver<Stage>) {
        let limits = &self.serving.limits;
        let mut stream = GuardedStream::new(io, *limits);
        let begun = Notify::new();
        let service = service_fn(|request| {
            begun.notify_one();
            self.answer(request)
        });
        {
            let connection = http1::Builder::new()
                // All timing is in `stream`, which knows idle from slow.
                .header_read_timeout(None)
                .max_headers(limits.max_headers)
                .max_header_size(limits.max_head_bytes)
                // Peers that half-close while they wait are answered.
                .half_close(true)
                .serve_connection(TokioIo::new(&mut stream), service);
            let mut connection = pin!(connection);
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = left_running(stage) => tokio::select! {
                    outcome = connection.as_mut() => outcome,
                    // The first request is on its way; hyper would close before it came.
                    _ = timeout(FIRST_REQUEST, begun.notified()) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                },
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        close(stream.into_inner()).await;
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Infallible> {
        let mut request = request.map(Body::new);
        let source = self.serving.proxies.source(self.peer, request.headers());
        request.extensions_mut().insert(source);
        self.app.clone().oneshot(request).await
    }
}

/// Says "no more", then reads away what the peer still sends, for a moment: closing with unread bytes would make the
/// kernel reset the connection, and the peer could lose the answer (RFC 9112 §9.6).
async fn close<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io) {
    let lingering = async {
        io.shutdown().await?;
        let mut rest = [0; 4096];
        let mut read_away = 0;
        while read_away < MOST_READ_AWAY {
            match io.read(&mut rest).await? {
                0 => break,
                count => read_away += count,
            }
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong here, the connection is over.
    let _ = timeout(LINGER, lingering).await;
}

const LINGER: Duration = Duration::from_secs(1);
const MOST_READ_AWAY: usize = 256 * 1024;

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n";
