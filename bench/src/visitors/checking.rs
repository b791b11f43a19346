//! Whoever looks, after a server was killed, whether what it had answered still holds.

use std::cell::RefCell;
use std::rc::Rc;

use super::codes::redemption;
use super::refreshing::refresh;
use crate::driver::{Connection, Visitor, Went};
use crate::fault::Fault;

/// What has to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// 200 with tokens.
    Tokens,
    /// 400 `invalid_grant` (RFC 6749 §5.2).
    InvalidGrant,
}

/// Sends one request after the other, each of which has to end as expected.
#[derive(Clone, Debug)]
pub struct Checking {
    requests: Rc<RefCell<Vec<Vec<u8>>>>,
    expected: Expected,
}

impl Checking {
    /// Uses these refresh tokens.
    pub fn refresh_tokens(tokens: &[String], expected: Expected) -> Self {
        Self::new(tokens.iter().map(|token| refresh(token)), expected)
    }

    /// Redeems these codes.
    pub fn codes(codes: &[String], expected: Expected) -> Self {
        Self::new(codes.iter().map(|code| redemption(code)), expected)
    }

    fn new(requests: impl Iterator<Item = Vec<u8>>, expected: Expected) -> Self {
        Self { requests: Rc::new(RefCell::new(requests.collect())), expected }
    }
}

impl Visitor for Checking {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let Some(request) = self.requests.borrow_mut().pop() else { return Ok(Went::NothingLeft) };
        let answer = connection.ask(&request).await?;
        let is_as_expected = match self.expected {
            Expected::Tokens => answer.status == 200 && answer.member("refresh_token").is_some(),
            Expected::InvalidGrant => answer.status == 400 && answer.member("error") == Some("invalid_grant"),
        };
        match (is_as_expected, self.expected) {
            (true, _) => Ok(Went::Well),
            (false, Expected::Tokens) => Err(answer.unexpected("200 with tokens")),
            // Not shown: what should have been refused may be tokens.
            (false, Expected::InvalidGrant) => {
                Err(Fault::Lost(format!("what was answered is forgotten: {} instead of invalid_grant", answer.status)))
            }
        }
    }
}
