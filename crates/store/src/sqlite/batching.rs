//! Group commit: what is waiting is committed together, and everybody is answered after it.
//!
//! Owns the queue, the batch and the answers; knows no database. Whoever commits never waits for more to come: the commit in
//! progress is the window in which the next batch gathers. Start at [`answer_until_closed`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::sync::{Arc, AtomicUsize, Ordering, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use super::sync::{oneshot, sync_channel};

/// Commits jobs, many in one transaction.
pub(crate) trait Committer {
    type Job;
    type Answer;

    /// Commits what can be committed of the jobs, each all or nothing and none harmed by another, in their order. Says what became
    /// of each, in the same order, once that is durable.
    fn commit(&mut self, jobs: &[Self::Job]) -> Vec<Self::Answer>;

    /// Puts right what a commit left that panicked; said to each of its jobs, of which none is done.
    fn recover(&mut self) -> Self::Answer;

    /// Comes after every batch, once all of it is answered.
    fn answered(&mut self);

    /// Uses a moment in which nothing waits, and says whether to come again if it lasts.
    fn tidy(&mut self) -> Tidied;
}

/// What is left to do where nothing waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tidied {
    Everything,
    NotYet,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) jobs: usize,
    /// Of what waits and of what is being committed. One job that is larger still has its turn, alone.
    pub(crate) bytes: usize,
}

/// Why a job was not taken. Nothing of it will be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// As much waits as may.
    Full,
    /// Nobody commits any more.
    Closed,
}

/// Where jobs wait. Closed when it is dropped: what waits is done, then the thread that commits ends.
pub(crate) struct Queue<J, A> {
    sender: SyncSender<Waiting<J, A>>,
    bytes: Arc<AtomicUsize>,
    most_bytes: usize,
}

/// The other end of a [`Queue`].
pub(crate) struct Arrivals<J, A> {
    receiver: Receiver<Waiting<J, A>>,
    bytes: Arc<AtomicUsize>,
}

struct Waiting<J, A> {
    job: J,
    bytes: usize,
    reply: oneshot::Sender<A>,
}

/// A queue and its other end.
pub(crate) fn queue<J, A>(bounds: Bounds) -> (Queue<J, A>, Arrivals<J, A>) {
    let (sender, receiver) = sync_channel(bounds.jobs);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Queue { sender, bytes: bytes.clone(), most_bytes: bounds.bytes }, Arrivals { receiver, bytes })
}

impl<J, A> Queue<J, A> {
    /// Takes its place behind whatever waits, or says at once that there is none. The answer fails to come only where nobody
    /// commits any more.
    pub(crate) fn push(&self, job: J, bytes: usize) -> Result<oneshot::Receiver<A>, NotTaken> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let pushed = if before > 0 && before.saturating_add(bytes) > self.most_bytes {
            Err(NotTaken::Full)
        } else {
            self.sender.try_send(Waiting { job, bytes, reply }).map_err(|refused| match refused {
                TrySendError::Full(_) => NotTaken::Full,
                TrySendError::Disconnected(_) => NotTaken::Closed,
            })
        };
        if pushed.is_err() {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        pushed.map(|()| answer)
    }
}

/// Commits whatever waits, up to `most` together, until the queue is closed and empty. Where even [`Committer::recover`] panics,
/// nobody is committed any more, and everybody is told so by the end of their wait.
pub(crate) fn answer_until_closed<C: Committer>(
    arrivals: &Arrivals<C::Job, C::Answer>,
    most: usize,
    committer: &mut C,
) {
    let mut batch = Batch { jobs: Vec::new(), replies: Vec::new(), bytes: 0 };
    let mut tidied = Tidied::NotYet;
    loop {
        let first = match tidied {
            Tidied::Everything => arrivals.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Tidied::NotYet => arrivals.receiver.recv_timeout(QUIET),
        };
        match first {
            Ok(first) => {
                batch.gather(first, &arrivals.receiver, most);
                if catch_unwind(AssertUnwindSafe(|| batch.answer(committer, &arrivals.bytes))).is_err() {
                    // It could not be put right. Whoever waits or comes is not left to wait for nothing: their replies go.
                    drop(batch);
                    while let Ok(waiting) = arrivals.receiver.recv() {
                        arrivals.bytes.fetch_sub(waiting.bytes, Ordering::Relaxed);
                    }
                    return;
                }
                tidied = Tidied::NotYet;
            }
            Err(RecvTimeoutError::Timeout) => {
                tidied = catch_unwind(AssertUnwindSafe(|| committer.tidy())).unwrap_or(Tidied::Everything);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Nothing came for so long.
const QUIET: Duration = Duration::from_millis(200);

/// Jobs and who waits for them, in the same order.
struct Batch<J, A> {
    jobs: Vec<J>,
    replies: Vec<oneshot::Sender<A>>,
    bytes: usize,
}

impl<J, A> Batch<J, A> {
    fn gather(&mut self, first: Waiting<J, A>, waiting: &Receiver<Waiting<J, A>>, most: usize) {
        self.add(first);
        while self.jobs.len() < most
            && let Ok(next) = waiting.try_recv()
        {
            self.add(next);
        }
    }

    fn add(&mut self, waiting: Waiting<J, A>) {
        self.jobs.push(waiting.job);
        self.replies.push(waiting.reply);
        self.bytes += waiting.bytes;
    }

    /// Answers everybody in one pass, and nobody before it is durable. A panic is its batch's alone: the next one is committed.
    fn answer<C: Committer<Job = J, Answer = A>>(&mut self, committer: &mut C, bytes: &AtomicUsize) {
        let answers = catch_unwind(AssertUnwindSafe(|| committer.commit(&self.jobs)))
            .unwrap_or_else(|_| self.jobs.iter().map(|_| committer.recover()).collect());
        // Whoever is answered finds room for what comes next.
        bytes.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
        for (reply, answer) in self.replies.drain(..).zip(answers) {
            // Nobody waits any more if this fails: the request was dropped, and what it wrote stands.
            let _ = reply.send(answer);
        }
        self.jobs.clear();
        committer.answered();
    }
}
