//! What Mailroom does on the back channel for a person who has come back: trade the code, read boxes, ask for parcels, trade the voucher.
//!
//! Each errand leaves what it learned in the visitor's session; the page shows it.

use oauth2::TokenResponse;
use serde::Deserialize;
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
    let Some((token, _)) = lockbox_key(app, id) else { return };
    let read = read_box(app, &token, identifier).await;
    app.with_visitor(id, |visitor| match read {
        Ok(read) => {
            let carried = vec![Carried::secret("Authorization: Bearer", &token)];
            visitor.journal.back(TO_LOCKBOXES, format!("Mailroom opens {identifier}."), carried);
            visitor.notice = Some(Notice::good(format!("{} is open.", read.title)));
            if let Some(account) = &mut visitor.account {
                keep(&mut account.boxes, read);
            }
        }
        Err(why) => {
            visitor.journal.failed(Channel::Back, TO_LOCKBOXES, format!("The API does not open {identifier}: {why}"));
            visitor.notice = Some(Notice::bad(format!("The lockbox API refused {identifier}: {why}.")));
        }
    });
}

/// Asks at the parcel counter with the key for it, worn out or not; trades the voucher only if there never was one.
pub(super) async fn ask_for_parcels(app: &Mailroom, id: &SessionId) {
    if parcels_key(app, id).is_none() {
        refresh(app, id, Api::Parcels).await;
    }
    let Some(token) = parcels_key(app, id) else { return };
    let answer = app.client.back_channel().get_with_token(&app.addresses.parcels_resource(), &token).await;
    let seen = match answer {
        Ok(answer) if answer.status == http::StatusCode::OK => {
            serde_json::from_slice::<ParcelList>(&answer.body).map_err(|_| "it is not a list".to_owned())
        }
        Ok(answer) => Err(explained(&answer)),
        Err(fault) => Err(fault.to_string()),
    };
    app.with_visitor(id, |visitor| match seen {
        Ok(list) => {
            let carried = vec![Carried::secret("Authorization: Bearer", &token)];
            visitor.journal.back(TO_PARCELS, "Mailroom asks where the parcels are.", carried);
            visitor.notice = Some(Notice::good("The parcel counter answered."));
            if let Some(account) = &mut visitor.account {
                account.seen_parcels = list.parcels;
            }
        }
        Err(why) => {
            visitor.journal.failed(Channel::Back, TO_PARCELS, format!("The counter refuses: {why}"));
            visitor.notice = Some(Notice::bad(format!("The parcel counter refused: {why}.")));
        }
    });
}

/// Trades the voucher for a new key to one API. The voucher is spent by that; its successor comes with the key.
pub(super) async fn refresh(app: &Mailroom, id: &SessionId, api: Api) {
    let taken = app.with_visitor(id, |visitor| visitor.account.as_mut().and_then(|account| account.voucher.take()));
    let Some(voucher) = taken.flatten() else {
        app.with_visitor(id, |visitor| {
            visitor.notice = Some(Notice::bad("Mailroom has no voucher to trade. Ask the person again."));
        });
        return;
    };
    let resource = match api {
        Api::Lockbox => app.addresses.lockbox_resource(),
        Api::Parcels => app.addresses.parcels_resource(),
    };
    let traded = app.client.refresh(&voucher, &resource).await;
    app.with_visitor(id, |visitor| {
        let carried = vec![
            Carried::secret("refresh_token", voucher.secret()),
            Carried::new("Authorization", "Basic: client_id and client_secret"),
            Carried::new("resource", resource),
        ];
        visitor.journal.back(TO_GRANTD, "Mailroom proves who it is and trades its voucher.", carried);
        match traded {
            Ok(tokens) => renew(visitor, &tokens, api),
            Err(fault) => {
                if let (false, Some(account)) = (fault.is_final(), &mut visitor.account) {
                    account.voucher = Some(voucher);
                }
                refused(visitor, &fault);
            }
        }
    });
}

fn renew(visitor: &mut Visitor, tokens: &Tokens, api: Api) {
    note_tokens(visitor, tokens);
    visitor.notice = Some(Notice::good("The old voucher is spent. Mailroom has a new key and a new voucher."));
    let Some(account) = &mut visitor.account else { return };
    account.voucher = tokens.refresh_token().cloned();
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

async fn read_box(app: &Mailroom, token: &str, identifier: &str) -> Result<SeenBox, String> {
    let api = app.addresses.lockbox_resource();
    let identifier: String = url::form_urlencoded::byte_serialize(identifier.as_bytes()).collect();
    let answer = app.client.back_channel().get_with_token(&format!("{api}/{identifier}"), token).await;
    match answer {
        Ok(answer) if answer.status == http::StatusCode::OK => {
            serde_json::from_slice(&answer.body).map_err(|_| "it is not a box".to_owned())
        }
        Ok(answer) => Err(explained(&answer)),
        Err(fault) => Err(fault.to_string()),
    }
}

/// The API's own words.
fn explained(answer: &Answer) -> String {
    let body = answer.json();
    let says = |name| body.get(name).and_then(serde_json::Value::as_str);
    let words = says("error_description").or(says("error")).unwrap_or("it does not say why");
    format!("{} {words}", answer.status.as_u16())
}

fn keep(boxes: &mut Vec<SeenBox>, read: SeenBox) {
    match boxes.iter_mut().find(|known| known.identifier == read.identifier) {
        Some(known) => known.letters = read.letters,
        None => boxes.push(read),
    }
}
