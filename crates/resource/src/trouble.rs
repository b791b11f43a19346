//! What is wrong with asking the issuer, logged once when it begins and once when it is over, however many requests meet
//! it meanwhile.

use crate::issuer::IssuerFault;
use std::sync::{Mutex, PoisonError};

/// The trouble of one kind of question.
#[derive(Default)]
pub(crate) struct Trouble(Mutex<Option<IssuerFault>>);

impl Trouble {
    /// Notes what came of a question.
    pub(crate) fn note(&self, question: &'static str, issuer: &str, outcome: Result<(), &IssuerFault>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Err(fault) if known.as_ref() != Some(fault) => {
                tracing::warn!(issuer, question, %fault, "no good answer from the issuer");
                *known = Some(fault.clone());
            }
            Ok(()) if known.is_some() => {
                tracing::info!(issuer, question, "the issuer answers again");
                *known = None;
            }
            _ => {}
        }
    }

    /// What is wrong at the moment.
    pub(crate) fn current(&self) -> Option<IssuerFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
