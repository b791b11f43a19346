//! A way to a PostgreSQL server that fails as networks do, at the places in a conversation where it matters.
//!
//! Knows as much of the protocol as it takes to tell one message from the next, and a commit from the others: a type, a length, and
//! the text of a simple query (PostgreSQL 15, §55.2). Start at [`Proxy::to`].

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of a message, and of the connection on which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It never arrives, and the connection is cut.
    Lost,
    /// It arrives, the server does it, and the connection is cut before a word of the answer is passed on.
    Unanswered,
    /// It arrives late.
    Late(Duration),
    /// From here on nothing is passed on, either way, and nobody is told.
    Silence,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Commit,
    Other,
}

type Judge = dyn Fn(Message) -> Fate + Send + Sync;

/// A port on loopback behind which the server is. Ends, with all connections, when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    judge: Mutex<Arc<Judge>>,
    connections: AtomicUsize,
    /// Counts how often all the connections were cut.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, _) = watch::channel(0);
        let judge: Arc<Judge> = Arc::new(|_| Fate::Arrives);
        let shared = Arc::new(Shared { server, judge: Mutex::new(judge), connections: AtomicUsize::new(0), cuts });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(connect(client, shared.clone()));
                }
            }
        });
        Self { address, shared, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on each message is judged by this, on every connection.
    pub(crate) fn judge(&self, judge: impl Fn(Message) -> Fate + Send + Sync + 'static) {
        *self.shared.judge.lock().unwrap() = Arc::new(judge);
    }

    /// This becomes of the next such message, and of no other.
    pub(crate) fn next(&self, of: Message, fate: Fate) -> Arc<AtomicUsize> {
        let happened = Arc::new(AtomicUsize::new(0));
        let seen = happened.clone();
        self.judge(move |message| {
            let is_first = message == of && seen.fetch_add(1, Ordering::SeqCst) == 0;
            if is_first { fate } else { Fate::Arrives }
        });
        happened
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// Both ways, until one of them ends or all are cut. Whatever ends, both sides are closed.
async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(server) = TcpStream::connect(shared.server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // What the client is told: all of it, nothing of it from here on, or nothing and the end when the server has answered.
    let (answers, told) = watch::channel(Answers::Passed);
    tokio::select! {
        () = forth(from_client, to_server, &shared, &answers) => {}
        () = back(from_server, to_client, told) => {}
        _ = cuts.changed() => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Passed,
    EndWithTheNext,
    Withheld,
}

async fn forth(
    mut from_client: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    shared: &Shared,
    answers: &watch::Sender<Answers>,
) {
    // The first message has no type.
    let mut is_first = true;
    while let Some(message) = read(&mut from_client, !is_first).await {
        let judge = shared.judge.lock().unwrap().clone();
        let fate = if is_first { Fate::Arrives } else { judge(kind(&message)) };
        is_first = false;
        match fate {
            Fate::Arrives => {}
            Fate::Lost => return,
            Fate::Unanswered => {
                answers.send_replace(Answers::EndWithTheNext);
            }
            Fate::Late(delay) => tokio::time::sleep(delay).await,
            Fate::Silence => {
                answers.send_replace(Answers::Withheld);
                return std::future::pending().await;
            }
        }
        if to_server.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// The connection ends when the server has nothing more to say to a message whose answer is withheld (ReadyForQuery).
async fn back(mut from_server: OwnedReadHalf, mut to_client: OwnedWriteHalf, told: watch::Receiver<Answers>) {
    while let Some(message) = read(&mut from_server, true).await {
        let passes = match *told.borrow() {
            Answers::Passed => true,
            Answers::EndWithTheNext if message.first() == Some(&b'Z') => return,
            Answers::EndWithTheNext | Answers::Withheld => false,
        };
        if passes && to_client.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// One message: its type, if it has one, its length, and that much less the length itself.
async fn read(from: &mut OwnedReadHalf, has_type: bool) -> Option<Vec<u8>> {
    let mut message = vec![0; usize::from(has_type) + 4];
    from.read_exact(&mut message).await.ok()?;
    let head = message.len();
    let length = u32::from_be_bytes(message.get(head - 4..)?.try_into().ok()?);
    message.resize(head - 4 + usize::try_from(length).ok()?, 0);
    from.read_exact(message.get_mut(head..)?).await.ok()?;
    Some(message)
}

fn kind(message: &[u8]) -> Message {
    if message.first() == Some(&b'Q') && message.get(5..).is_some_and(|text| text.starts_with(b"COMMIT")) {
        Message::Commit
    } else {
        Message::Other
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Whether it falls on one of `of`.
    pub(crate) fn one_in(&self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }
}
