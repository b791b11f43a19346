//! What threads and waiting requests meet at, named in one place: a test that explores every order puts its own here.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};

pub(crate) use tokio::sync::oneshot;
