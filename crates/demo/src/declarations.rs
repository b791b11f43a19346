//! What the operator of grantd declares for this world: resources, clients, people.

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

/// The declarations as configuration text (TOML). `mailroom_secret` is made afresh for each start.
pub(crate) fn declarations(addresses: &Addresses, mailroom_secret: &str) -> String {
    let mut text = resources(addresses);
    text.push_str(&clients(addresses, mailroom_secret));
    text.extend(PEOPLE.iter().map(user));
    text
}

fn resources(addresses: &Addresses) -> String {
    format!(
        r#"[[resource]]
id = "{lockbox}"
name = "Lockboxes"
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

fn clients(addresses: &Addresses, mailroom_secret: &str) -> String {
    let lockbox = addresses.lockbox_resource();
    let parcels = addresses.parcels_resource();
    format!(
        r#"[[client]]
id = "{MAILROOM}"
name = "Mailroom"
kind = "web"
authentication = "client_secret_basic"
secret = "{mailroom_secret}"
redirect_uris = ["{mailroom}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}", "{TRACK_PARCELS}", "offline_access"]
resources = ["{lockbox}", "{parcels}"]
detail_types = ["{LOCKBOX}"]
homepage = "{mailroom_home}/"

[[client]]
id = "{POSTCARD}"
name = "Postcard"
kind = "browser"
authentication = "none"
redirect_uris = ["{browser}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
detail_types = ["{LOCKBOX}"]
homepage = "{browser_home}/"

[[client]]
id = "{MAIL_CLI}"
name = "Mail on the command line"
kind = "native"
authentication = "none"
redirect_uris = ["http://127.0.0.1{LOOPBACK_PATH}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
detail_types = ["{LOCKBOX}"]

[[client]]
id = "{POSTKEEPER}"
name = "PostKeeper"
kind = "native"
authentication = "none"
redirect_uris = ["{POSTKEEPER_CALLBACK}"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["{LIST_BOXES}"]
resources = ["{lockbox}"]
detail_types = ["{LOCKBOX}"]

"#,
        mailroom = addresses.mailroom_callback(),
        mailroom_home = addresses.mailroom,
        browser = addresses.browser_callback(),
        browser_home = addresses.browser,
    )
}

fn user(person: &Person) -> String {
    format!(
        "[[user]]\nid = \"{}\"\nusername = \"{}\"\nname = \"{}\"\npassword = \"{}\"\n\n",
        person.subject, person.username, person.name, person.password
    )
}
