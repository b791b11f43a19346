//! A connection's bytes on their way to hyper: followed, and given only so much time (LIMITS-01, LIMITS-04).
//!
//! Hyper speaks of a "parse error" and answers 400 to it. So a violation is passed on as bytes that no parser takes, and
//! hyper answers in its place between other answers and closes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Limits;
use super::framing::{Followed, Follower, Phase};

/// A followed and timed stream.
pub(super) struct GuardedStream<Io> {
    io: Io,
    limits: Limits,
    follower: Follower,
    /// What is left of [`NOT_HTTP`] to pass on.
    poison: &'static [u8],
    poisoned: bool,
    read_deadline: Pin<Box<Sleep>>,
    body: BodyPace,
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl<Io> GuardedStream<Io> {
    pub(super) fn new(io: Io, limits: Limits) -> Self {
        Self {
            io,
            limits,
            follower: Follower::new(limits.max_head_bytes),
            poison: &[],
            poisoned: false,
            read_deadline: Box::pin(sleep_until(Instant::now() + limits.head_timeout)),
            body: BodyPace { began: Instant::now(), received: 0 },
            write_deadline: None,
        }
    }

    /// The stream below, to close it in order.
    pub(super) fn into_inner(self) -> Io {
        self.io
    }

    /// Judges what was just read, and gives how much of it may be passed on.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let before = self.follower.phase();
        let followed = self.follower.follow(bytes);
        self.set_deadline(before, bytes.len());
        match followed {
            Followed::All => bytes.len(),
            Followed::Last(count) => count,
            Followed::Broken(count, violation) => {
                tracing::debug!(?violation, "refused a request for its framing");
                self.poison = NOT_HTTP;
                self.poisoned = true;
                count
            }
        }
    }

    fn set_deadline(&mut self, before: Phase, count: usize) {
        let now = Instant::now();
        let deadline = match self.follower.phase() {
            Phase::Between => now + self.limits.idle_timeout,
            // Counted from the head's first byte: a byte now and then does not buy time.
            Phase::Head if before == Phase::Head => return,
            Phase::Head | Phase::Ended => now + self.limits.head_timeout,
            Phase::Body(_) => {
                if !matches!(before, Phase::Body(_)) {
                    self.body = BodyPace { began: now, received: 0 };
                }
                self.body.received += u64::try_from(count).unwrap_or(u64::MAX);
                self.body.deadline(&self.limits)
            }
        };
        self.read_deadline.as_mut().reset(deadline);
    }

    /// The peer has sent nothing: has it had its time?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.read_deadline.as_mut().poll(cx));
        Poll::Ready(match self.follower.phase() {
            // For hyper the peer hung up: it ends the connection without an answer.
            Phase::Between | Phase::Head | Phase::Ended => Ok(()),
            Phase::Body(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the request body came too slowly")),
        })
    }

    /// Whether a peer that takes nothing has had its time.
    fn poll_write_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limits.write_timeout;
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take its answer"))
    }

    fn written(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if outcome.is_pending() {
            return self.poll_write_patience(cx).map(Err);
        }
        self.write_deadline = None;
        if self.follower.phase() == Phase::Between {
            // Idle begins when the answer has gone, not when the request had come.
            self.read_deadline.as_mut().reset(Instant::now() + self.limits.idle_timeout);
        }
        outcome
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for GuardedStream<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.poison.is_empty() {
            let (now, later) = this.poison.split_at(this.poison.len().min(buf.remaining()));
            buf.put_slice(now);
            this.poison = later;
            return Poll::Ready(Ok(()));
        }
        if this.poisoned {
            return Poll::Ready(Ok(()));
        }
        if this.follower.phase() == Phase::Ended {
            return this.poll_patience(cx);
        }
        let before = buf.filled().len();
        if Pin::new(&mut this.io).poll_read(cx, buf)?.is_pending() {
            return this.poll_patience(cx);
        }
        let passed = this.follow(buf.filled().get(before..).unwrap_or_default());
        buf.set_filled(before + passed);
        if passed == 0 && !this.poison.is_empty() {
            return self.poll_read(cx, buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for GuardedStream<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Does nothing: [`super::accept`] closes in order, after the rest of the request was read away.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How fast a body comes.
struct BodyPace {
    began: Instant,
    received: u64,
}

impl BodyPace {
    fn deadline(&self, limits: &Limits) -> Instant {
        let earned = self.received / limits.body_bytes_per_second.max(1);
        self.began + limits.body_timeout + std::time::Duration::from_secs(earned)
    }
}

/// No method, target, field name or field value holds a NUL; the empty line makes a parser that waits for the head's end
/// look at once.
const NOT_HTTP: &[u8] = b"\0\r\n\r\n";
