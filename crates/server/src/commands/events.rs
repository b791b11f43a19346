//! `grantd events`: what happened, read from the database, once or again and again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use grantd_protocol::events::{Event, EventFilter, EventId};
use grantd_protocol::names::{ClientId, GrantId, UserId, Username};
use grantd_tokens::{Seconds, Time};
use serde_json::Value;

use super::arguments::EventsArguments;
use super::console::{Console, Form, date};
use super::failure::Failure;
use super::workplace::Workplace;
use crate::env;
use crate::listen::interrupted;
use crate::telemetry::{harmless, harmless_json};

pub(super) async fn run(at: &Workplace, arguments: EventsArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let follows = arguments.follow;
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut page = Page { at, filter: filter(at, arguments).await?, usernames: BTreeMap::new(), is_first: true };
    let shown = if follows { page.follow(limit, console).await } else { page.newest(limit, console).await };
    match shown {
        // Whoever read has read enough: `grantd events | head`.
        Err(Failure::Output { source }) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn filter(at: &Workplace, arguments: EventsArguments) -> Result<EventFilter, Failure> {
    let now = env::now();
    Ok(EventFilter {
        user: match arguments.user {
            Some(named) => Some(user(at, named).await?),
            None => None,
        },
        client: arguments.client.map(ClientId::new),
        grant: arguments.grant.map(GrantId::new),
        kinds: arguments.kind,
        since: arguments.since.map(|moment| moment.before(now)),
        until: arguments.until.map(|moment| moment.before(now)),
    })
}

/// By the name they type, else by their id: of a user who was removed there is only that.
async fn user(at: &Workplace, named: String) -> Result<UserId, Failure> {
    let user = match Username::parse(&named) {
        Some(username) => at.store.user_by_username(at.issuer(), &username).await?,
        None => None,
    };
    Ok(user.map_or_else(|| UserId::new(named), |user| user.id))
}

struct Page<'a> {
    at: &'a Workplace,
    filter: EventFilter,
    /// As far as they were looked up; none for a user who was removed.
    usernames: BTreeMap<UserId, Option<Username>>,
    is_first: bool,
}

impl Page<'_> {
    async fn newest(&mut self, limit: usize, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut events = self.read(self.filter.clone(), limit.saturating_add(1)).await?;
        let hidden = events.len().saturating_sub(limit);
        events.drain(..hidden);
        if hidden > 0 {
            console.note(&format!("there are more; these are the newest {limit}. --limit shows others"));
        }
        if events.is_empty() {
            console.note("no events");
        }
        self.show(&events, console).await
    }

    /// Shows the newest, and whatever comes, until it is interrupted.
    async fn follow(&mut self, limit: usize, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut stop = std::pin::pin!(interrupted().map_err(Failure::Runtime)?);
        let mut poll = tokio::time::interval(EVERY);
        let (mut from, mut seen) = (env::now() - OVERLAP, Seen::default());
        // What is recent and beyond the limit is not to be shown later as if it were new.
        seen.new_among(self.read(self.since(from), usize::MAX).await?);
        let newest = self.read(self.filter.clone(), limit).await?;
        seen.new_among(newest.clone());
        self.show(&newest, console).await?;
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                _ = poll.tick() => {}
            }
            let next_from = env::now() - OVERLAP;
            let new = seen.new_among(self.read(self.since(from), usize::MAX).await?);
            self.show(&new, console).await?;
            seen.forget_before(from);
            from = next_from;
        }
    }

    fn since(&self, from: Time) -> EventFilter {
        let since = self.filter.since.map_or(from, |since| since.max(from));
        EventFilter { since: Some(since), ..self.filter.clone() }
    }

    async fn read(&self, filter: EventFilter, limit: usize) -> Result<Vec<Event>, Failure> {
        Ok(self.at.store.events(self.at.issuer(), filter, limit).await?)
    }

    async fn show(&mut self, events: &[Event], console: &mut Console<'_>) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        if console.form == Form::Human {
            for user in events.iter().filter_map(|event| event.user.as_ref()) {
                if !self.usernames.contains_key(user) {
                    let known = self.at.store.user(self.at.issuer(), user).await?;
                    self.usernames.insert(user.clone(), known.map(|known| known.username));
                }
            }
        }
        let heading = std::mem::take(&mut self.is_first);
        console.print(|output, form| match form {
            Form::Json => events.iter().try_for_each(|event| writeln!(output, "{}", in_json(event))),
            Form::Human => {
                if heading {
                    writeln!(output, "{}", line(HEADING))?;
                }
                events.iter().try_for_each(|event| writeln!(output, "{}", self.in_words(event)))
            }
        })
    }

    fn in_words(&self, event: &Event) -> String {
        let user = event.user.as_ref().map_or("-", |user| {
            let known = self.usernames.get(user).and_then(Option::as_ref);
            known.map_or(user.as_str(), Username::as_str)
        });
        let evidence: Vec<String> = event.evidence.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let says = if evidence.is_empty() { event.kind.says().to_owned() } else { evidence.join("; ") };
        harmless(&line([
            &date(event.at),
            event.kind.name(),
            &event.rule,
            user,
            event.client.as_ref().map_or("-", ClientId::as_str),
            event.grant.as_ref().map_or("-", GrantId::as_str),
            &says,
        ]))
    }
}

/// One object in one line, with the moment as RFC 3339 writes it.
fn in_json(event: &Event) -> String {
    let mut json = serde_json::json!(event);
    if let Value::Object(members) = &mut json {
        members.insert("at".to_owned(), date(event.at).into());
        members.insert("says".to_owned(), event.kind.says().into());
    }
    harmless_json(&json.to_string())
}

const HEADING: [&str; 7] = ["WHEN", "EVENT", "RULE", "USER", "CLIENT", "GRANT", "WHAT SHOWS IT"];

fn line([when, kind, rule, user, client, grant, says]: [&str; 7]) -> String {
    format!("{when:20}  {kind:28}  {rule:10}  {user:12}  {client:16}  {grant:22}  {says}")
}

/// Events that were read before.
#[derive(Default)]
struct Seen(BTreeMap<EventId, Time>);

impl Seen {
    fn new_among(&mut self, events: Vec<Event>) -> Vec<Event> {
        events.into_iter().filter(|event| self.0.insert(event.id.clone(), event.at).is_none()).collect()
    }

    fn forget_before(&mut self, from: Time) {
        self.0.retain(|_, at| from <= *at);
    }
}

const EVERY: Duration = Duration::from_millis(500);

/// An event is dated when it is decided. Its commit may wait some seconds for another's, and the clocks of two nodes differ.
const OVERLAP: Seconds = Seconds(30);
