//! Every kind of event: one table. The manual page and the `--kind` filter are made from it.

use serde::{Deserialize, Serialize};

/// Which events go first when there are too many: nobody may push out what is worth more by making much of what is worth less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// A stranger, or a client that repeats itself, may make as many as they like.
    Noise,
    /// Users make them, by what they do with what is theirs.
    Everyday,
    /// A theft, an operator's act, a key: what is looked for later.
    Record,
}

impl Weight {
    /// Every weight, the heaviest first.
    pub const ALL: [Self; 3] = [Self::Record, Self::Everyday, Self::Noise];
}

macro_rules! kinds {
    ($($(#[$group:meta])* $kind:ident => $name:literal, $weight:ident, $rule:literal, $says:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $(#[doc = $says] #[serde(rename = $name)] $kind,)*
        }

        impl EventKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// As it stands in an event: a bounded set.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The rule of `spec/` that it is about.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$kind => $rule,)* }
            }

            /// How long it is kept beside others, whoever set it off ([`super::Event::weight`]).
            pub(super) fn weight(self) -> Weight {
                match self { $(Self::$kind => Weight::$weight,)* }
            }

            /// What it means.
            pub fn says(self) -> &'static str {
                match self { $(Self::$kind => $says,)* }
            }

            /// The kind of this name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    // ---- signing in and out ----
    SignedIn => "signed_in", Everyday, "SESS-02", "somebody signed in";
    SignInFailed => "sign_in_failed", Noise, "LOGIN-01", "a username or password was wrong";
    Throttled => "throttled", Noise, "LOGIN-04", "there were too many attempts; told once in each window for each account or client";
    SignedOut => "signed_out", Everyday, "SESS-04", "a session ended, and with it the access that was for while the user is signed in";
    OtherSessionsEnded => "other_sessions_ended", Everyday, "SESS-04", "a user ended all their sessions but one";

    // ---- consent and grants ----
    ConsentGiven => "consent_given", Everyday, "CONSENT-02", "a user agreed, and what they agreed to is remembered";
    ConsentDenied => "consent_denied", Everyday, "AUTHZ-27", "a user said no";
    ConsentForgotten => "consent_forgotten", Everyday, "CONSENT-05", "what a user agreed to is not remembered any more: they are asked again";
    Granted => "granted", Everyday, "CONSENT-01", "a user let a client do something";
    AccessNarrowed => "access_narrowed", Everyday, "CONSENT-05", "a part of a grant was taken back";
    AccessEnded => "access_ended", Everyday, "CONSENT-05", "everything that a user granted, to one client or to all, was taken back";
    GrantRevoked => "grant_revoked", Everyday, "INV-01", "a grant was taken back, with all that hangs from it";

    // ---- codes and tokens ----
    CodeReplayed => "code_replayed", Record, "CODE-04", "a code was redeemed a second time; its grant is ended";
    RefreshRetried => "refresh_retried", Noise, "REFRESH-10", "a refresh token was shown again after a while, its successor unused: a lost answer";
    RefreshRaced => "refresh_raced", Noise, "REFRESH-10", "a refresh token was shown twice at once, its successor unused: two tabs";
    RefreshTokenReused => "refresh_token_reused", Record, "REFRESH-09", "a spent refresh token was shown: a theft, or what looks like one; its grant is ended";
    TokenGivenBack => "token_given_back", Everyday, "REVOKE-04", "a client gave its refresh token back; the grant is ended";
    AccessTokenEnded => "access_token_ended", Noise, "REVOKE-04", "one access token was ended before its time";
    RevocationOfAnothersToken => "revocation_of_anothers_token", Noise, "REVOKE-02", "a client tried to end another's token";

    // ---- clients, resources and users ----
    ClientAuthenticationFailed => "client_authentication_failed", Noise, "CAUTH-06", "a client did not prove who it is";
    ClientAdded => "client_added", Record, "ADMIN-05", "a client was registered";
    ClientChanged => "client_changed", Record, "ADMIN-05", "the description or the secrets of a client changed";
    ClientDisabled => "client_disabled", Record, "INV-03", "a client was switched off, and its grants are ended";
    ClientEnabled => "client_enabled", Record, "ADMIN-05", "a client was switched on again";
    ClientRemoved => "client_removed", Record, "INV-03", "a client was removed, and its grants are ended";
    ResourceAdded => "resource_added", Record, "ADMIN-05", "a resource was added";
    ResourceChanged => "resource_changed", Record, "ADMIN-05", "the description of a resource changed";
    ResourceRemoved => "resource_removed", Record, "ADMIN-05", "a resource was removed";
    UserAdded => "user_added", Record, "ADMIN-05", "a user was added";
    UserDisabled => "user_disabled", Record, "INV-02", "a user was locked out; their sessions and grants are ended";
    UserEnabled => "user_enabled", Record, "ADMIN-05", "a user may sign in again";
    UserRemoved => "user_removed", Record, "INV-02", "a user was removed; their sessions and grants are ended";
    PasswordSet => "password_set", Record, "REFRESH-16", "a user has a new password; their sessions and grants are ended";

    // ---- signing keys ----
    KeyMade => "key_made", Record, "KEYS-02", "a signing key was made, and is published";
    KeyActivated => "key_activated", Record, "KEYS-02", "a signing key begins earlier than it was announced";
    KeyRemoved => "key_removed", Record, "KEYS-03", "a signing key was removed; its tokens are refused";
    KeyRetired => "key_retired", Record, "KEYS-02", "the last token of a signing key has expired; it is deleted";

    // ---- the database as a whole ----
    Restored => "restored", Record, "STORE-08", "the database was restored from a backup: what was given before is ended";

    // ---- everything else ----
    Refused => "refused", Noise, "LOG-04", "a request was refused for another reason; kept only if something was counted or taken away with it";
}
