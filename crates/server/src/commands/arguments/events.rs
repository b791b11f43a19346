//! What can be typed about events.

use clap::Args;
use grantd_protocol::events::EventKind;

use crate::commands::moment::Moment;
use crate::config::did_you_mean;

/// Which events.
#[derive(Debug, Args)]
pub(in crate::commands) struct EventsArguments {
    /// Only those about this user: what they type to sign in, or their id
    #[arg(long, value_name = "NAME|ID")]
    pub(in crate::commands) user: Option<String>,
    /// Only those about this client
    #[arg(long, value_name = "ID")]
    pub(in crate::commands) client: Option<String>,
    /// Only those about this grant; what ended many at once names none, see `grantd grant show`
    #[arg(long, value_name = "ID")]
    pub(in crate::commands) grant: Option<String>,
    /// Only those of this kind; repeat it for several
    #[arg(long, value_parser = kind)]
    pub(in crate::commands) kind: Vec<EventKind>,
    /// From then on: 30m, 2h or 14d ago, a date, or a moment (2026-05-01T12:30:00Z)
    #[arg(long, value_name = "WHEN", value_parser = Moment::parse)]
    pub(in crate::commands) since: Option<Moment>,
    /// Up to then
    #[arg(long, value_name = "WHEN", value_parser = Moment::parse, conflicts_with = "follow")]
    pub(in crate::commands) until: Option<Moment>,
    /// How many at most, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::commands) limit: u32,
    /// Goes on showing what happens, until Ctrl-C
    #[arg(long)]
    pub(in crate::commands) follow: bool,
}

fn kind(text: &str) -> Result<EventKind, String> {
    EventKind::named(text).ok_or_else(|| {
        let names = EventKind::ALL.iter().map(|kind| kind.name());
        did_you_mean(text, names.clone())
            .unwrap_or_else(|| format!("the kinds are {}", names.collect::<Vec<_>>().join(", ")))
    })
}
