//! A server with people who are signed in and agreed: where every line over HTTP is measured.

use std::time::Duration;

use crate::driver::{Connection, Load, Span, Visitor, drive};
use crate::fault::Fault;
use crate::server::Server;
use crate::visitors::{Authorizing, Browser, Till, WholeFlow};

/// The server, and who uses it.
#[derive(Debug)]
pub struct Town {
    /// Under load.
    pub server: Server,
    /// Signed in, and agreed.
    pub browsers: Vec<Browser>,
    /// How long each measurement takes.
    pub pace: Pace,
}

/// How long each measurement takes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub counted: Duration,
}

impl Town {
    /// Lets people move in to where nobody has been.
    pub async fn at(server: Server, people: usize, pace: Pace) -> Result<Self, Fault> {
        let mut browsers = Vec::new();
        let mut connection = Connection::open(server.address).await?;
        for number in 0..people {
            let mut browser = Browser::of(number);
            browser.move_in(&mut connection).await?;
            browsers.push(browser);
        }
        Ok(Self { server, browsers, pace })
    }

    /// A town of another kind, where one browser lives that goes wherever it is sent.
    pub async fn elsewhere(server: Server, pace: Pace) -> Result<Self, Fault> {
        let mut browser = Browser::of(0);
        browser.go_where_it_leads(&mut Connection::open(server.address).await?).await?;
        Ok(Self { server, browsers: vec![browser], pace })
    }

    /// Lets these visitors ask for as long as a measurement takes.
    pub async fn load<V: Visitor>(&self, visitors: Vec<V>) -> Result<(Load, Vec<V>), Fault> {
        let span = Span::Lasting { warm_up: self.pace.warm_up, counted: self.pace.counted };
        drive(self.server.address, visitors, span, || self.server.process.cpu()).await
    }

    /// Lets these visitors ask until there is nothing left to ask.
    pub async fn exhaust<V: Visitor>(&self, visitors: Vec<V>) -> Result<(Load, Vec<V>), Fault> {
        drive(self.server.address, visitors, Span::UntilNothingIsLeft, || self.server.process.cpu()).await
    }

    /// One of the browsers for each of so many connections, in turn.
    pub fn browser(&self, number: usize) -> Result<&Browser, Fault> {
        let nobody = || Fault::Usage("nobody lives there".to_owned());
        self.browsers.get(number % self.browsers.len().max(1)).ok_or_else(nobody)
    }

    /// Codes for about a measurement's time, which live for a minute: authorization requests over so many connections.
    pub async fn codes(&self, connections: usize, enough: usize) -> Result<(Load, Till), Fault> {
        let till = Till::default();
        let visitors = (0..connections).map(|number| Ok(Authorizing::new(self.browser(number)?, &till, enough)));
        let (load, _) = self.exhaust(visitors.collect::<Result<_, Fault>>()?).await?;
        sound(&load, "authorize")?;
        Ok((load, till))
    }

    /// Refresh tokens of this many grants.
    pub async fn refresh_tokens(&self, count: usize) -> Result<Vec<String>, Fault> {
        let till = Till::default();
        let flows = (0..FLOWS).map(|number| Ok(WholeFlow::new(self.browser(number)?, &till).until(count)));
        let (load, _) = self.exhaust(flows.collect::<Result<_, Fault>>()?).await?;
        sound(&load, "the flow")?;
        let mut tokens = till.refresh_tokens.take();
        // Those who were under way when there were enough came back with one more.
        tokens.truncate(count);
        Ok(tokens)
    }

    /// How many a measurement's time may take, guessed from how many were answered in the last.
    pub fn enough(&self, last_rate: f64) -> usize {
        let seconds = self.pace.counted.as_secs_f64().min(LONGEST_LIFE_OF_A_CODE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive count")]
        let count = (last_rate * seconds) as usize;
        count.clamp(500, 50_000)
    }
}

/// Connections over which tokens are got.
const FLOWS: usize = 64;

/// Seconds; a code lives for sixty, and getting them takes time as well.
const LONGEST_LIFE_OF_A_CODE: f64 = 15.0;

/// What must have been answered as expected, for what follows rests on it.
pub fn sound(load: &Load, what: &str) -> Result<(), Fault> {
    match &load.first_wrong {
        Some(wrong) => Err(Fault::Answer(format!("{what}, of which the next measurement needs all: {wrong}"))),
        None => Ok(()),
    }
}
