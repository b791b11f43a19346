//! A client that gives its refresh tokens back.

use std::cell::RefCell;
use std::rc::Rc;

use crate::driver::{Connection, Request, Visitor, Went};
use crate::fault::Fault;
use crate::visitors::repeating::asked_by;
use crate::world::{HOST, WEB};

/// Gives back one token after the other.
#[derive(Clone, Debug)]
pub struct Revoking {
    left: Rc<RefCell<Vec<String>>>,
    /// Those of which it was answered that they are good for nothing any more.
    pub revoked: Rc<RefCell<Vec<String>>>,
}

impl Revoking {
    /// Begins with these.
    pub fn new(tokens: Vec<String>) -> Self {
        Self { left: Rc::new(RefCell::new(tokens)), revoked: Rc::default() }
    }
}

impl Visitor for Revoking {
    async fn once(&mut self, connection: &mut Connection) -> Result<Went, Fault> {
        let Some(token) = self.left.borrow_mut().pop() else { return Ok(Went::NothingLeft) };
        let request = asked_by(Request::post(HOST, "/revoke", &[("token", &token)]), WEB);
        let answer = connection.ask(&request.into_bytes()).await?;
        if answer.status == 200 {
            self.revoked.borrow_mut().push(token);
            Ok(Went::Well)
        } else {
            Err(answer.unexpected("200"))
        }
    }
}
