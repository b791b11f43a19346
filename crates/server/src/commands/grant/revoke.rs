//! `grantd grant revoke`: one grant, or all that meet the conditions.
//!
//! All that a user gave ends in one durable change. Otherwise each page is one: what was ended stays ended if the command is
//! interrupted, and it can be run again.

use grantd_protocol::changes::Change;
use grantd_protocol::names::ResourceId;
use grantd_protocol::narrowing::Left;
use grantd_protocol::records::{Grant, GrantState, Resource, Revocation};
use grantd_tokens::Time;
use serde_json::json;

use super::choice::Choice;
use super::{GrantFilter, GrantStates, Listing, find};
use crate::commands::console::{Console, Form, date};
use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;
use crate::env;

/// Whether the operator is sure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Asked,
    Given,
    DryRun,
}

pub(super) async fn run(
    at: &Workplace,
    id: Option<String>,
    filter: GrantFilter,
    consent: Consent,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if let Some(id) = id {
        return one(at, id, consent, console).await;
    }
    if filter.is_empty() {
        return Err(Failure::Usage(NOTHING_NAMED.to_owned()));
    }
    let now = env::now();
    let choice = Choice::of(at, filter, GrantStates::default(), now).await?;
    if consent == Consent::DryRun {
        return dry_run(at, choice, now, console).await;
    }
    let meant = count(at, &choice, now).await?;
    if meant.is_nothing() {
        console.note("no standing grant meets these conditions");
        choice.none_found()?;
        return tell(meant, console);
    }
    if consent == Consent::Asked {
        let why = format!("{}, and that cannot be undone", meant.in_words("would end", "would lose this resource"));
        let fix = "look at them with --dry-run; if that is what you want, run the same with --yes".to_owned();
        return Err(Failure::InTheWay { why, fix });
    }
    if let Some((user, client)) = choice.all_of_user() {
        let (user, client) = (user.clone(), client.cloned());
        at.commit(vec![Change::EndAccess { user, client, at: now, because: Revocation::EndedByOperator }]).await?;
        return tell(meant, console);
    }
    let known = at.resources().await?;
    let (mut done, mut pages) = (Count::default(), choice.pages(at));
    while let Some(page) = pages.next().await? {
        done.add(end(at, page, choice.resource.as_ref(), &known).await?);
    }
    tell(done, console)
}

async fn one(at: &Workplace, id: String, consent: Consent, console: &mut Console<'_>) -> Result<(), Failure> {
    let grant = find(at, id).await?.grant;
    if let GrantState::Revoked { at, because } = grant.state {
        let why = format!("the grant {} has ended already, {}: {}", grant.id, date(at), super::why(because));
        return Err(Failure::InTheWay { why, fix: "nothing is left to be done".to_owned() });
    }
    if consent == Consent::DryRun {
        let mut listing = Listing::default();
        listing.show(at, std::slice::from_ref(&grant), env::now(), console).await?;
        return listing.end(console);
    }
    at.commit(revoked(&grant, env::now())).await?;
    tell(Count { ended: 1, narrowed: 0 }, console)
}

async fn dry_run(at: &Workplace, choice: Choice, now: Time, console: &mut Console<'_>) -> Result<(), Failure> {
    let meant = count(at, &choice, now).await?;
    let (mut listing, mut pages) = (Listing::default(), choice.pages(at));
    while let Some(page) = pages.next().await? {
        listing.show(at, &page, now, console).await?;
    }
    listing.end(console)?;
    console.note(&format!("{}; nothing was changed", meant.in_words("would end", "would lose this resource")));
    if meant.is_nothing() { choice.none_found() } else { Ok(()) }
}

/// How many grants ended, and of how many a part did.
#[derive(Clone, Copy, Default)]
struct Count {
    ended: u64,
    narrowed: u64,
}

impl Count {
    fn is_nothing(self) -> bool {
        self.ended == 0 && self.narrowed == 0
    }

    fn add(&mut self, other: Self) {
        self.ended += other.ended;
        self.narrowed += other.narrowed;
    }

    fn in_words(self, ended: &str, narrowed: &str) -> String {
        let grants = |number: u64| if number == 1 { "1 grant".to_owned() } else { format!("{number} grants") };
        match self {
            Self { ended: number, narrowed: 0 } => format!("{} {ended}", grants(number)),
            Self { ended: 0, narrowed: number } => format!("{} {narrowed}", grants(number)),
            Self { ended: one, narrowed: other } => {
                format!("{} {ended}, {} {narrowed} and keep the others", grants(one), grants(other))
            }
        }
    }
}

async fn count(at: &Workplace, choice: &Choice, now: Time) -> Result<Count, Failure> {
    let known = at.resources().await?;
    let (mut count, mut pages) = (Count::default(), choice.pages(at));
    while let Some(page) = pages.next().await? {
        count.add(counted(page.iter().map(|grant| taking(grant, choice.resource.as_ref(), &known, now).is_narrowing)));
    }
    Ok(count)
}

fn counted(narrowings: impl Iterator<Item = bool>) -> Count {
    let mut count = Count::default();
    for is_narrowing in narrowings {
        if is_narrowing {
            count.narrowed += 1;
        } else {
            count.ended += 1;
        }
    }
    count
}

/// What is written to take a grant, or a resource out of it.
struct Taking {
    changes: Vec<Change>,
    is_narrowing: bool,
}

fn taking(grant: &Grant, resource: Option<&ResourceId>, known: &[Resource], now: Time) -> Taking {
    let left = resource.map_or(Left::Nothing, |resource| Left::without(grant, resource, known));
    match left {
        Left::Some { scopes, resources, details } => {
            let (id, narrowings) = (grant.id.clone(), grant.narrowings);
            let narrowing = Change::NarrowGrant { grant: id, narrowings, scopes, resources, details };
            Taking { changes: vec![narrowing, forgotten(grant)], is_narrowing: true }
        }
        Left::Nothing => Taking { changes: revoked(grant, now), is_narrowing: false },
        Left::Everything => Taking { changes: Vec::new(), is_narrowing: false },
    }
}

fn revoked(grant: &Grant, at: Time) -> Vec<Change> {
    let because = Revocation::EndedByOperator;
    vec![Change::RevokeGrant { grant: grant.id.clone(), at, because }, forgotten(grant)]
}

/// Agreed to before, the client would be given the same again without a question.
fn forgotten(grant: &Grant) -> Change {
    Change::ForgetConsent { user: grant.user.clone(), client: grant.client.clone() }
}

/// One transaction for all of them; where a user took something back at the same moment, one for each.
async fn end(
    at: &Workplace,
    page: Vec<Grant>,
    resource: Option<&ResourceId>,
    known: &[Resource],
) -> Result<Count, Failure> {
    if page.is_empty() {
        return Ok(Count::default());
    }
    let now = env::now();
    let taken: Vec<Taking> = page.iter().map(|grant| taking(grant, resource, known, now)).collect();
    let count = counted(taken.iter().map(|taking| taking.is_narrowing));
    match at.commit(taken.into_iter().flat_map(|taking| taking.changes).collect()).await {
        Err(Failure::Raced) => {}
        other => return other.map(|()| count),
    }
    let mut count = Count::default();
    for grant in page {
        count.add(end_alone(at, grant, resource, known).await?);
    }
    Ok(count)
}

async fn end_alone(
    at: &Workplace,
    mut grant: Grant,
    resource: Option<&ResourceId>,
    known: &[Resource],
) -> Result<Count, Failure> {
    for _ in 0..ATTEMPTS {
        let Some(lineage) = at.store.lineage(at.issuer(), &grant.id).await? else { return Ok(Count::default()) };
        grant = lineage.grant;
        let is_covered = resource.is_none_or(|resource| grant.resources.contains(resource));
        if grant.state != GrantState::Standing || !is_covered {
            return Ok(Count::default());
        }
        let Taking { changes, is_narrowing } = taking(&grant, resource, known, env::now());
        match at.commit(changes).await {
            Err(Failure::Raced) => {}
            other => return other.map(|()| counted(std::iter::once(is_narrowing))),
        }
    }
    Err(Failure::Raced)
}

fn tell(done: Count, console: &mut Console<'_>) -> Result<(), Failure> {
    if !done.is_nothing() {
        console.note(HOW_FAST);
    }
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", json!({ "ended": done.ended, "narrowed": done.narrowed })),
        Form::Human => writeln!(output, "{}", done.in_words("ended", "lost this resource")),
    })
}

/// More than a user can press a button meanwhile.
const ATTEMPTS: u32 = 5;

const NOTHING_NAMED: &str =
    "name a grant by its id, or say which with --user, --client, --resource, --since, --until or --used-since";

const HOW_FAST: &str = "refresh tokens and introspection refuse from now on; an API that checks signed tokens by itself learns of a grant that \
                        ended from the revocation feed if it follows it, and otherwise accepts them until they expire";
