//! What the operator decides, as the core needs it: validated, with every default beside its reason.
//!
//! Reading and naming settings is the server's business (`config.rs`); the limits they must keep are here.

use grantd_tokens::{Algorithm, Seconds};

use crate::names::Issuer;

/// The settings of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The issuer identifier, byte for byte as every client will see it (META-02).
    pub issuer: Issuer,
    /// How access tokens are signed unless a client asked otherwise.
    pub access_token_algorithm: Algorithm,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How much may wait or be tried.
    pub limits: Limits,
    /// How many events are kept.
    pub events: EventsKept,
}

impl Settings {
    /// The defaults for an issuer.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            access_token_algorithm: Algorithm::Es256,
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            events: EventsKept::default(),
        }
    }

    /// Every limit the settings break, as sentences that name the setting (BOOT).
    pub fn faults(&self) -> Vec<SettingFault> {
        let lifetimes = &self.lifetimes;
        let longer = |name, value: Seconds, ceiling: Seconds, rule| outside(name, value, (Seconds(1), ceiling), rule);
        [
            longer("lifetimes.authorization_code", lifetimes.authorization_code, Seconds(60), "CODE-02"),
            longer("lifetimes.access_token", lifetimes.access_token, LONGEST_ACCESS_TOKEN, "AT-06"),
            longer("lifetimes.pending_request", lifetimes.pending_request, Seconds(600), "AUTHZ-31"),
            longer("lifetimes.refresh_token_idle", lifetimes.refresh_token_idle, lifetimes.refresh_token, "REFRESH-12"),
            // Zero is a choice: every second showing is a theft.
            outside("lifetimes.lost_response", lifetimes.lost_response, (Seconds(0), Seconds(60)), "REFRESH-10"),
            longer("lifetimes.refresh_token", lifetimes.refresh_token, Seconds(366 * DAY), "REFRESH-12"),
            longer("lifetimes.session_idle", lifetimes.session_idle, lifetimes.session, "SESS-04"),
            longer("lifetimes.session", lifetimes.session, Seconds(31 * DAY), "SESS-04"),
            longer("events.keep", self.events.keep, Seconds(3_660 * DAY), "LOG-04"),
            longer("lifetimes.replaced_secret", lifetimes.replaced_secret, Seconds(31 * DAY), "CAUTH-07"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn outside(
    name: &'static str,
    value: Seconds,
    (least, ceiling): (Seconds, Seconds),
    rule: &'static str,
) -> Option<SettingFault> {
    (value < least || value > ceiling).then_some(SettingFault { name, value, least, ceiling, rule })
}

/// A lifetime that is too short or too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The setting, as it is named in the configuration.
    pub name: &'static str,
    /// What it was set to.
    pub value: Seconds,
    /// The least it may be.
    pub least: Seconds,
    /// The most it may be.
    pub ceiling: Seconds,
    /// The rule that says so.
    pub rule: &'static str,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// AT-06: the most that an access token may live. What ended is remembered for so long and no longer (AT-11).
pub const LONGEST_ACCESS_TOKEN: Seconds = Seconds(HOUR);

/// A node whose clock is late goes on doing what was right, and a resource server whose clock is late goes on accepting: what ended
/// is remembered, and what signed is published, for so much longer.
pub const CLOCKS_APART: Seconds = Seconds(5 * MINUTE);

/// How long things live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From the redirect to the token request (CODE-02): 60 seconds.
    pub authorization_code: Seconds,
    /// AT-06: five minutes, so that a stolen one is soon worth nothing.
    pub access_token: Seconds,
    /// Unused for so long, a refresh token ends (REFRESH-12): 14 days.
    pub refresh_token_idle: Seconds,
    /// However used, everything under a grant ends (REFRESH-12): 90 days.
    pub refresh_token: Seconds,
    /// How long a spent refresh token is taken for a retry, if what it was traded for was never used (REFRESH-10): 30 seconds.
    /// Zero: never.
    pub lost_response: Seconds,
    /// How long a user may take to sign in and decide (AUTHZ-31): ten minutes.
    pub pending_request: Seconds,
    /// Unused for so long, a session ends (SESS-04): two hours.
    pub session_idle: Seconds,
    /// However used, a session ends (SESS-04): twelve hours.
    pub session: Seconds,
    /// How long an old client secret is accepted beside its successor (CAUTH-07): a day.
    pub replaced_secret: Seconds,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authorization_code: Seconds(60),
            access_token: Seconds(5 * MINUTE),
            refresh_token_idle: Seconds(14 * DAY),
            refresh_token: Seconds(90 * DAY),
            lost_response: Seconds(30),
            pending_request: Seconds(10 * MINUTE),
            session_idle: Seconds(2 * HOUR),
            session: Seconds(12 * HOUR),
            replaced_secret: Seconds(DAY),
        }
    }
}

/// How much may wait or be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests that wait for their users, from one network (LIMITS-05).
    pub pending_per_network: u32,
    /// Requests that wait for their users, in all (LIMITS-05).
    pub pending_in_all: u32,
    /// The window in which attempts are counted (LOGIN-04, CAUTH-08).
    pub attempt_window: Seconds,
    /// Sign-ins to one account from one network in a window.
    pub sign_ins_per_account_and_network: u32,
    /// Sign-ins to one account in a window. Higher, so that a stranger elsewhere does not lock a person out.
    pub sign_ins_per_account: u32,
    /// Sign-ins from one network in a window.
    pub sign_ins_per_network: u32,
    /// Sign-ins in all in a window.
    pub sign_ins_in_all: u32,
    /// Wrong secrets of one client from one network in a window.
    pub wrong_secrets: u32,
    /// Verifiers that do not fit before the code is spent (CODE-09).
    pub wrong_verifiers: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_per_network: 200,
            pending_in_all: 20_000,
            attempt_window: Seconds(MINUTE),
            sign_ins_per_account_and_network: 10,
            sign_ins_per_account: 50,
            sign_ins_per_network: 100,
            sign_ins_in_all: 3_000,
            wrong_secrets: 20,
            wrong_verifiers: 5,
        }
    }
}

/// How many events are kept (LOG-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsKept {
    /// How long: 90 days.
    pub keep: Seconds,
    /// And how many: a million, some hundred megabytes. Beyond it the oldest of the lightest go.
    pub most: u32,
}

impl Default for EventsKept {
    fn default() -> Self {
        Self { keep: Seconds(90 * DAY), most: 1_000_000 }
    }
}
