//! The threads that hash: of low priority, so that everybody else's requests do not wait for them, and each with the memory that
//! a hash fills, kept for a moment because the next one is seldom alone.
//!
//! As many as there are permits at most. Start at [`Threads::run`].

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use argon2::Block;
use tokio::sync::OwnedSemaphorePermit;

/// Threads that hash, made when they are needed. They end with this.
#[derive(Debug, Default)]
pub(super) struct Threads {
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
}

/// What is to be done, and by leave of which permit.
struct Job {
    work: Box<dyn FnOnce(&mut Memory) + Send>,
    permit: OwnedSemaphorePermit,
    /// By which the thread is found when it is idle again.
    thread: Sender<Job>,
}

/// How long a thread without work keeps its memory.
const KEPT_READY: Duration = Duration::from_secs(10);

/// How far behind all others a hash stands in line for the processor: where both want it, it gets about a tenth.
const NICENESS: i32 = 10;

impl Threads {
    /// Has `work` done on one of the threads. A thread is idle again before its permit is given back, so that whoever is given that
    /// finds one. If none can be made, `work` is dropped.
    pub(super) fn run(&self, permit: OwnedSemaphorePermit, work: impl FnOnce(&mut Memory) + Send + 'static) {
        let work = Box::new(work);
        // The one that worked last still has its memory.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let thread = idle.or_else(|| self.spawn());
        if let Some(thread) = thread {
            // Whoever panicked was not idle again: this one is there.
            let _ = thread.send(Job { work, permit, thread: thread.clone() });
        }
    }

    fn spawn(&self) -> Option<Sender<Job>> {
        let (thread, jobs) = mpsc::channel();
        let idle = Arc::downgrade(&self.idle);
        let spawned = thread::Builder::new().name("grantd-password".to_owned()).spawn(move || work(&jobs, &idle));
        match spawned {
            Ok(_) => Some(thread),
            Err(error) => {
                tracing::error!(%error, "there is no thread to hash a password on");
                None
            }
        }
    }
}

/// Until nobody can send any more.
fn work(jobs: &Receiver<Job>, idle: &Weak<Mutex<Vec<Sender<Job>>>>) {
    // On Linux that is of the thread alone. A hash without it is as good.
    let _ = rustix::process::nice(NICENESS);
    let mut memory = Memory::default();
    loop {
        let job = match jobs.recv_timeout(KEPT_READY) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                memory = Memory::default();
                match jobs.recv() {
                    Ok(job) => job,
                    Err(mpsc::RecvError) => return,
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        (job.work)(&mut memory);
        if let Some(idle) = idle.upgrade() {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(job.thread);
        }
        drop(job.permit);
    }
}

/// The memory that a hash fills.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks of it; what is in them does not matter to a hash. `None` if there is not so much.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.0.len() < count {
            self.0 = Vec::new();
            self.0.try_reserve_exact(count).ok()?;
            self.0.resize(count, Block::default());
        }
        self.0.get_mut(..count)
    }
}
