//! The metadata document (RFC 8414) as it is sent: made of the settings and the resources there are, and kept for a moment.
//!
//! A resource that another process adds or changes is in it a second later. Nothing is decided by it: whoever asks for a token is
//! judged by the records of that moment. Start at [`Published::document`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use grantd_protocol::metadata::Metadata;
use grantd_protocol::records::Resource;
use grantd_protocol::settings::Settings;
use grantd_store::{Store, StoreFault};
use grantd_tokens::Digest;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::env;

/// How old the document may be. Clients keep it for minutes.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// Resources that are read at once.
const PAGE: u32 = 100;

/// What an issuer publishes of itself. One for each process.
#[derive(Debug, Default)]
pub struct Published {
    current: RwLock<Option<Arc<Document>>>,
    /// Held by the one request that makes the document anew, for all that wait for it.
    making: Mutex<()>,
}

/// A document, ready to send.
#[derive(Debug)]
pub struct Document {
    /// Its JSON.
    pub body: Bytes,
    /// Changes with the document.
    pub etag: String,
    read_at: Instant,
}

impl Published {
    /// The metadata, never older than [`STALE_AFTER`]. Fails where the store cannot be read by then.
    pub async fn document(&self, store: &Store, settings: &Settings) -> Result<Arc<Document>, StoreFault> {
        if let Some(document) = self.young_enough() {
            return Ok(document);
        }
        let _alone = self.making.lock().await;
        if let Some(document) = self.young_enough() {
            return Ok(document);
        }
        let document = Arc::new(Document::read(store, settings).await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&document));
        Ok(document)
    }

    fn young_enough(&self) -> Option<Arc<Document>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|document| document.read_at.elapsed() < STALE_AFTER).map(Arc::clone)
    }
}

impl Document {
    async fn read(store: &Store, settings: &Settings) -> Result<Self, StoreFault> {
        // Before the store is asked: what changes meanwhile is not in it.
        let read_at = env::instant();
        let mut resources: Vec<Resource> = Vec::new();
        loop {
            let after = resources.last().map(|last| last.id.clone());
            let more = store.resources(&settings.issuer, after, PAGE).await?;
            if more.is_empty() {
                break;
            }
            resources.extend(more);
        }
        let body = Bytes::from(serde_json::to_vec(&Metadata::new(settings, &resources)).unwrap_or_default());
        let etag = format!("\"{}\"", Digest::of(&body).to_base64url());
        Ok(Self { body, etag, read_at })
    }
}
