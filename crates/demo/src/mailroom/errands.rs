//! What Mailroom does on the back channel for a person who has come back: trade the code, read boxes, ask for parcels, trade the voucher,
//! give it back.
//!
//! Each errand leaves what it learned in the visitor's session; the page shows it.

use oauth2::{RefreshToken, TokenResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Mailroom;
use super::visitor::{Account, Api, Key, Notice, SeenBox, SeenParcel, Visitor};
use crate::back_channel::Answer;
use crate::client::{TokenFault, Tokens};
use crate::journal::{Carried, Channel};
use crate::redirect::Arrival;
use crate::session::SessionId;

const TO_GRANTD: &str = "Mailroom → grantd";
const TO_LOCKBOXES: &str = "Mailroom → lockbox API";
const TO_PARCELS: &str = "Mailroom → parcel counter";

/// Trades the code for a key to the lockboxes, and reads what the key opens.
pub(super) async fn redeem(app: &Mailroom, id: &SessionId, arrival: Arrival) {
    let carried = vec![
        Carried::secret("code", arrival.code.secret()),
        Carried::secret("code_verifier", arrival.verifier.secret()),
        Carried::new("Authorization", "Basic: client_id and client_secret"),
        Carried::new("resource", app.addresses.lockbox_resource()),
    ];
    let traded = app.client.redeem(arrival, &app.addresses.lockbox_resource()).await;
    app.with_visitor(id, |visitor| {
        visitor.journal.back(TO_GRANTD, "Mailroom proves who it is and trades the code.", carried);
        match traded {
            Ok(tokens) => welcome(visitor, &tokens),
            Err(fault) => refused(visitor, &fault),
        }
    });
    look_around(app, id).await;
}

fn welcome(visitor: &mut Visitor, tokens: &Tokens) {
    note_tokens(visitor, tokens);
    visitor.account = Some(Account {
        lockbox: Key::new(tokens, Instant::now()),
        parcels: None,
        voucher: tokens.refresh_token().cloned(),
        boxes: Vec::new(),
        seen_parcels: Vec::new(),
    });
    visitor.notice = Some(Notice::good("Mailroom has a key. It opens what you ticked, and nothing else."));
}

fn refused(visitor: &mut Visitor, fault: &TokenFault) {
    visitor.journal.failed(Channel::Back, "grantd → Mailroom", fault.to_string());
    visitor.notice = Some(Notice::bad(format!("grantd gave no key: {fault}.")));
}

fn note_tokens(visitor: &mut Visitor, tokens: &Tokens) {
    let mut carried = vec![Carried::secret("access_token", tokens.access_token().secret())];
    carried.extend(tokens.expires_in().map(|left| Carried::new("expires_in", left.as_secs().to_string())));
    carried.extend(tokens.refresh_token().map(|voucher| Carried::secret("refresh_token", voucher.secret())));
    visitor.journal.back(
        "grantd → Mailroom",
        "grantd gives a key that wears out, and a voucher for the next one.",
        carried,
    );
}

/// Lists the boxes and reads those the key opens.
async fn look_around(app: &Mailroom, id: &SessionId) {
    let Some((token, opens)) = lockbox_key(app, id) else { return };
    let api = app.addresses.lockbox_resource();
    let listed = app.client.back_channel().get_with_token(&api, &token).await;
    let mut boxes = match listed.map(|answer| serde_json::from_slice::<BoxList>(&answer.body)) {
        Ok(Ok(list)) => list.boxes,
        // Without the scope there is no list, but each key still opens its box.
        _ => Vec::new(),
    };
    for identifier in opens {
        if let Ok(read) = read_box(app, &token, &identifier).await {
            keep(&mut boxes, read);
        }
    }
    app.with_visitor(id, |visitor| {
        let carried = vec![Carried::secret("Authorization: Bearer", &token)];
        visitor.journal.back(TO_LOCKBOXES, "Mailroom shows its key and reads the boxes it opens.", carried);
        if let Some(account) = &mut visitor.account {
            account.boxes = boxes;
        }
    });
}

/// Tries to open a box, whether the key fits or not: the API decides.
pub(super) async fn open(app: &Mailroom, id: &SessionId, identifier: &str) {
    let Some((mut token, _)) = lockbox_key(app, id) else { return };
    let mut read = read_box(app, &token, identifier).await;
    if let Err(No::KeyIsOver(why)) = &read {
        let Some(renewed) = silently_renewed(app, id, Api::Lockbox, why).await else { return };
        token = renewed;
        read = read_box(app, &token, identifier).await;
    }
    app.with_visitor(id, |visitor| match read {
        Ok(read) => {
            let carried = vec![Carried::secret("Authorization: Bearer", &token)];
            visitor.journal.back(TO_LOCKBOXES, format!("Mailroom opens {identifier}."), carried);
            visitor.notice = Some(Notice::good(format!("{} is open.", read.title)));
            if let Some(account) = &mut visitor.account {
                keep(&mut account.boxes, read);
            }
        }
        Err(No::KeyIsOver(why) | No::Other(why)) => {
            visitor.journal.failed(Channel::Back, TO_LOCKBOXES, format!("The API does not open {identifier}: {why}"));
            visitor.notice = Some(Notice::bad(format!("The lockbox API refused {identifier}: {why}.")));
        }
    });
}

/// Asks at the parcel counter. A key that is worn out is replaced on the way, and the person is not asked.
pub(super) async fn ask_for_parcels(app: &Mailroom, id: &SessionId) {
    if parcels_key(app, id).is_none() {
        refresh(app, id, Api::Parcels).await;
    }
    let Some(mut token) = parcels_key(app, id) else { return };
    let mut seen = track(app, &token).await;
    if let Err(No::KeyIsOver(why)) = &seen {
        let Some(renewed) = silently_renewed(app, id, Api::Parcels, why).await else { return };
        token = renewed;
        seen = track(app, &token).await;
    }
    app.with_visitor(id, |visitor| match seen {
        Ok(list) => {
            let carried = vec![Carried::secret("Authorization: Bearer", &token)];
            visitor.journal.back(TO_PARCELS, "Mailroom asks where the parcels are.", carried);
            visitor.notice = Some(Notice::good("The parcel counter answered."));
            if let Some(account) = &mut visitor.account {
                account.seen_parcels = list.parcels;
            }
        }
        Err(No::KeyIsOver(why) | No::Other(why)) => {
            visitor.journal.failed(Channel::Back, TO_PARCELS, format!("The counter refuses: {why}"));
            visitor.notice = Some(Notice::bad(format!("The parcel counter refused: {why}.")));
        }
    });
}

/// A silent refresh: the API takes the key no more, so there is a new one, or a notice that says why not.
async fn silently_renewed(app: &Mailroom, id: &SessionId, api: Api, why: &str) -> Option<String> {
    app.with_visitor(id, |visitor| {
        let way = match api {
            Api::Lockbox => TO_LOCKBOXES,
            Api::Parcels => TO_PARCELS,
        };
        let what = format!("The API takes the key no more: {why}. Mailroom fetches another, silently.");
        visitor.journal.failed(Channel::Back, way, what);
    });
    let traded = refresh(app, id, api).await;
    let key = match api {
        Api::Lockbox => lockbox_key(app, id).map(|(token, _)| token),
        Api::Parcels => parcels_key(app, id),
    };
    key.filter(|_| traded == Traded::Yes)
}

/// Whether there is a new key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Traded {
    Yes,
    No,
}

/// Trades the voucher for a new key to one API. The voucher is spent by that; its successor comes with the key.
pub(super) async fn refresh(app: &Mailroom, id: &SessionId, api: Api) -> Traded {
    let taken = app.with_visitor(id, |visitor| visitor.account.as_mut().and_then(|account| account.voucher.take()));
    let Some(voucher) = taken.flatten() else {
        app.with_visitor(id, |visitor| {
            visitor.notice = Some(Notice::bad("Mailroom has no voucher to trade. It has to ask you again."));
        });
        return Traded::No;
    };
    let resource = match api {
        Api::Lockbox => app.addresses.lockbox_resource(),
        Api::Parcels => app.addresses.parcels_resource(),
    };
    let traded = app.client.refresh(&voucher, &resource).await;
    let outcome = app.with_visitor(id, |visitor| {
        let carried = vec![
            Carried::secret("refresh_token", voucher.secret()),
            Carried::new("Authorization", "Basic: client_id and client_secret"),
            Carried::new("resource", resource),
        ];
        visitor.journal.back(TO_GRANTD, "Mailroom proves who it is and trades its voucher.", carried);
        match traded {
            Ok(tokens) => {
                renew(visitor, &tokens, voucher, api);
                Traded::Yes
            }
            Err(fault) => {
                if let (false, Some(account)) = (fault.is_final(), &mut visitor.account) {
                    account.voucher = Some(voucher);
                }
                refused(visitor, &fault);
                Traded::No
            }
        }
    });
    outcome.unwrap_or(Traded::No)
}

/// Gives the voucher back (RFC 7009), and forgets the person whatever comes of it.
pub(super) async fn give_back(app: &Mailroom, id: &SessionId) {
    let Some(Some(account)) = app.with_visitor(id, |visitor| visitor.account.take()) else { return };
    let carried = account.voucher.as_ref().map(|voucher| Carried::secret("token", voucher.secret()));
    let given_back = match account.voucher {
        Some(voucher) => app.client.give_back(voucher).await,
        None => app.client.give_back(account.lockbox.token).await,
    };
    app.with_visitor(id, |visitor| {
        let what = "Mailroom proves who it is and gives its voucher back, to be ended.";
        visitor.journal.back(TO_GRANTD, what, carried.into_iter().collect());
        visitor.notice = Some(match given_back {
            Ok(()) => Notice::good("Mailroom gave back what it held and forgot you. Nothing of it opens anything now."),
            Err(fault) => {
                visitor.journal.failed(Channel::Back, "grantd → Mailroom", fault.to_string());
                Notice::bad(format!("Mailroom forgot you, but grantd did not take back what it held: {fault}."))
            }
        });
    });
}

/// A server that does not rotate leaves the voucher as it is (RFC 6749 §6).
fn renew(visitor: &mut Visitor, tokens: &Tokens, voucher: RefreshToken, api: Api) {
    note_tokens(visitor, tokens);
    visitor.notice = Some(Notice::good("The old voucher is spent. Mailroom has a new key and a new voucher."));
    let Some(account) = &mut visitor.account else { return };
    account.voucher = Some(tokens.refresh_token().cloned().unwrap_or(voucher));
    let key = Key::new(tokens, Instant::now());
    match api {
        Api::Lockbox => account.lockbox = key,
        Api::Parcels => account.parcels = Some(key),
    }
}

#[derive(Deserialize)]
struct BoxList {
    boxes: Vec<SeenBox>,
}

#[derive(Deserialize)]
struct ParcelList {
    parcels: Vec<SeenParcel>,
}

fn lockbox_key(app: &Mailroom, id: &SessionId) -> Option<(String, Vec<String>)> {
    let key = |visitor: &mut Visitor| {
        visitor.account.as_ref().map(|account| (account.lockbox.token.secret().clone(), account.lockbox.opens.clone()))
    };
    app.with_visitor(id, key).flatten()
}

fn parcels_key(app: &Mailroom, id: &SessionId) -> Option<String> {
    let key = |visitor: &mut Visitor| visitor.account.as_ref()?.parcels.as_ref().map(|key| key.token.secret().clone());
    app.with_visitor(id, key).flatten()
}

/// What an API says instead of yes, in its own words.
enum No {
    /// 401: with another key it may go (RFC 6750 §3.1, `invalid_token`).
    KeyIsOver(String),
    Other(String),
}

impl No {
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let says = |name| body.get(name).and_then(serde_json::Value::as_str);
        let words = says("error_description").or(says("error")).unwrap_or("it does not say why");
        let words = format!("{} {words}", answer.status.as_u16());
        if answer.status == http::StatusCode::UNAUTHORIZED { Self::KeyIsOver(words) } else { Self::Other(words) }
    }
}

async fn read_box(app: &Mailroom, token: &str, identifier: &str) -> Result<SeenBox, No> {
    let api = app.addresses.lockbox_resource();
    let identifier: String = url::form_urlencoded::byte_serialize(identifier.as_bytes()).collect();
    ask(app, &format!("{api}/{identifier}"), token).await
}

async fn track(app: &Mailroom, token: &str) -> Result<ParcelList, No> {
    ask(app, &app.addresses.parcels_resource(), token).await
}

async fn ask<T: DeserializeOwned>(app: &Mailroom, url: &str, token: &str) -> Result<T, No> {
    let answer = app.client.back_channel().get_with_token(url, token).await;
    match answer {
        Ok(answer) if answer.status == http::StatusCode::OK => {
            serde_json::from_slice(&answer.body).map_err(|_| No::Other("the answer is not understood".to_owned()))
        }
        Ok(answer) => Err(No::of(&answer)),
        Err(fault) => Err(No::Other(fault.to_string())),
    }
}

fn keep(boxes: &mut Vec<SeenBox>, read: SeenBox) {
    match boxes.iter_mut().find(|known| known.identifier == read.identifier) {
        Some(known) => known.letters = read.letters,
        None => boxes.push(read),
    }
}
