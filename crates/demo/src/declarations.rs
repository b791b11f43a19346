//! What the operator of grantd declares for this world: resources, clients, people.

use oauth2::CsrfToken;

use crate::addresses::Addresses;
use crate::people::{PEOPLE, Person};

/// The web app with a back end.
pub(crate) const MAILROOM: &str = "mailroom";
/// The app in the browser.
pub(crate) const POSTCARD: &str = "postcard";
/// The command-line app.
pub(crate) const MAIL_CLI: &str = "mail-cli";
/// The app on the phone.
pub(crate) const POSTKEEPER: &str = "postkeeper";
/// The parcel counter, as whom it asks grantd about keys.
pub(crate) const PARCEL_COUNTER: &str = "parcel-counter";

/// Registered without a port: a native app takes whatever port is free (RFC 8252 §7.3).
pub(crate) const LOOPBACK_PATH: &str = "/callback";
/// A private-use scheme is a domain name turned round (RFC 8252 §7.1), and still anybody can claim it.
pub(crate) const POSTKEEPER_CALLBACK: &str = "com.example.postkeeper:/callback";

/// See which boxes there are, not what is in them.
pub(crate) const LIST_BOXES: &str = "boxes:list";
/// See where parcels are.
pub(crate) const TRACK_PARCELS: &str = "parcels:track";
/// The type of authorization details (RFC 9396) that names a box and what may be done with it.
pub(crate) const LOCKBOX: &str = "lockbox";

/// A key to a box lasts long enough to look around.
const LOCKBOX_SECONDS: u32 = 120;
/// A key to the parcel counter wears out while you watch.
pub(crate) const PARCELS_SECONDS: u32 = 5;
/// How often the lockboxes ask what has ended: a person who looks on should not have to wait.
pub(crate) const FEED_SECONDS: u32 = 1;

/// The declarations as configuration text (TOML). Secrets are not in it: see [`secrets`].
pub(crate) fn declarations(addresses: &Addresses) -> String {
    let mut text = fetch(addresses);
    text.push_str(&resources(addresses));
    text.push_str(&clients(addresses));
    text.extend(PEOPLE.iter().map(user));
    text
}

/// grantd calls nobody on this machine unless it is told to.
fn fetch(addresses: &Addresses) -> String {
    let host_and_port = addresses.lockbox.trim_start_matches("http://");
    format!("[fetch]\nallow = [\"{host_and_port}\"]\n\n")
}

fn resources(addresses: &Addresses) -> String {
    format!(
        r#"[[resource]]
id = "{lockbox}"
name = "Post office"
access_token_lifetime = {LOCKBOX_SECONDS}

[[resource.scopes]]
name = "{LIST_BOXES}"
description = "See which boxes you have"

[[resource.detail_types]]
name = "{LOCKBOX}"
title = "Lockboxes"
things_endpoint = "{things}"

[[resource.detail_types.actions]]
name = "read"
description = "read the letters"

[[resource.detail_types.actions]]
name = "collect"
description = "take the letters out"

[[resource]]
id = "{parcels}"
name = "Parcel counter"
access_token_lifetime = {PARCELS_SECONDS}

[[resource.scopes]]
name = "{TRACK_PARCELS}"
description = "See where your parcels are"

"#,
        lockbox = addresses.lockbox_resource(),
        things = format_args!("{}/things", addresses.lockbox),
        parcels = addresses.parcels_resource(),
    )
}

/// The secrets of those that can keep one, made for one start.
#[derive(Debug)]
pub(crate) struct ClientSecrets {
    pub(crate) mailroom: CsrfToken,
    pub(crate) parcel_counter: CsrfToken,
}

impl ClientSecrets {
    pub(crate) fn made() -> Self {
        Self { mailroom: CsrfToken::new_random_len(32), parcel_counter: CsrfToken::new_random_len(32) }
    }
}

/// What goes with the declarations and stands in no file: the variables that hold the clients' secrets and the passwords.
pub(crate) fn secrets(clients: &ClientSecrets) -> Vec<(String, String)> {
    let variable = |kind: &str, id: &str, what: &str| {
        format!("GRANTD_{kind}__{}__{what}", id.to_ascii_uppercase().replace('-', "_"))
    };
    let secrets = [(MAILROOM, &clients.mailroom), (PARCEL_COUNTER, &clients.parcel_counter)];
    let secrets = secrets.map(|(id, secret)| (variable("CLIENT", id, "SECRET"), secret.secret().clone()));
    let passwords =
        PEOPLE.iter().map(|person| (variable("USER", person.username, "PASSWORD"), person.password.to_owned()));
    secrets.into_iter().chain(passwords).collect()
}

fn clients(addresses: &Addresses) -> String {
    let lockbox = addresses.lockbox_resource();
    let parcels = addresses.parcels_resource();
    format!(
        r#"[[client]]
id = "{MAILROOM}"
name = "Mailroom"
kind = "web"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["{mailroom}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}", "{TRACK_PARCELS}", "offline_access"]
resources = ["{lockbox}", "{parcels}"]
authorization_details_types = ["{LOCKBOX}"]
homepage = "{mailroom_home}/"

[[client]]
id = "{POSTCARD}"
name = "Postcard"
kind = "browser"
token_endpoint_auth_method = "none"
redirect_uris = ["{browser}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
authorization_details_types = ["{LOCKBOX}"]
homepage = "{browser_home}/"

[[client]]
id = "{MAIL_CLI}"
name = "Mail on the command line"
kind = "native"
token_endpoint_auth_method = "none"
redirect_uris = ["http://127.0.0.1{LOOPBACK_PATH}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
authorization_details_types = ["{LOCKBOX}"]

[[client]]
id = "{POSTKEEPER}"
name = "PostKeeper"
kind = "native"
token_endpoint_auth_method = "none"
redirect_uris = ["{POSTKEEPER_CALLBACK}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
authorization_details_types = ["{LOCKBOX}"]

[[client]]
id = "{PARCEL_COUNTER}"
name = "Parcel counter"
kind = "service"
introspects = ["{parcels}"]

"#,
        mailroom = addresses.mailroom_callback(),
        mailroom_home = addresses.mailroom,
        browser = addresses.browser_callback(),
        browser_home = addresses.browser,
    )
}

fn user(person: &Person) -> String {
    let Person { subject, username, name, .. } = person;
    format!("[[user]]\nid = \"{subject}\"\nusername = \"{username}\"\nname = \"{name}\"\n\n")
}
