//! A client that trades its refresh tokens in, each for the next.

use crate::driver::{Connection, Request, Visitor, Went};
use crate::fault::Fault;
use crate::visitors::repeating::asked_by;
use crate::world::{HOST, WEB};

/// Holds tokens of some grants, and uses one after the other.
#[derive(Clone, Debug)]
pub struct Refreshing {
    tokens: Vec<String>,
    turn: usize,
    outstanding: Option<usize>,
}

impl Refreshing {
    /// Begins with these, one a grant.
    pub fn new(tokens: Vec<String>) -> Self {
        Self { tokens, turn: 0, outstanding: None }
    }

    /// What it holds now: of each grant the last that was answered. Not that whose use nobody answered: it may be spent or not.
    pub fn into_tokens(mut self) -> Vec<String> {
        if let Some(outstanding) = self.outstanding {
            self.tokens.remove(outstanding);
        }
        self.tokens
    }
}

impl Visitor for Refreshing {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let turn = self.turn % self.tokens.len().max(1);
        self.turn += 1;
        let Some(token) = self.tokens.get_mut(turn) else { return Ok(Went::NothingLeft) };
        self.outstanding = Some(turn);
        let answer = connection.ask(&refresh(token)).await?;
        match (answer.member("access_token"), answer.member("refresh_token")) {
            (Some(_), Some(next)) if answer.status == 200 && next != token => {
                next.clone_into(token);
                self.outstanding = None;
                Ok(Went::Well)
            }
            _ => Err(answer.unexpected("200 with another refresh token")),
        }
    }
}

/// The token request for a refresh token.
pub fn refresh(token: &str) -> Vec<u8> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    asked_by(Request::post(HOST, "/token", &fields), WEB).into_bytes()
}
