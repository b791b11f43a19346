//! Every way this server says no: one table.
//!
//! Nowhere else are a wire code, a rule id or a description written. The name is for operators (log field, metric
//! label), the sentence for clients; what a caller must not tell apart has one sentence (INV-12).

use crate::error_code::ErrorCode;

macro_rules! refusals {
    ($($(#[$group:meta])* $name:ident => $code:ident, $rule:literal, $section:literal, $says:literal;)*) => {
        /// The name of the broken rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal {
            $(#[doc = $says] $name,)*
        }

        impl Refusal {
            /// Every refusal, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, for log fields and metric labels: a bounded set.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The wire code.
            pub fn code(self) -> ErrorCode {
                match self { $(Self::$name => ErrorCode::$code,)* }
            }

            /// The rule of `spec/` that was broken.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }

            /// The section that says so.
            pub fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What the caller is told (`error_description`): ASCII, fixed, nothing of the request (AUTHZ-28).
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

refusals! {
    // ---- authorize: before the redirect URI is verified, a page ----
    AuthorizeTwice => InvalidRequest, "AUTHZ-02", "RFC 6749 §3.1", "parameters stand in the query and in the body of one request";
    AuthorizeTooLarge => InvalidRequest, "AUTHZ-30", "policy", "a parameter is longer than 8 KiB";
    AuthorizeMalformed => InvalidRequest, "AUTHZ-04", "RFC 6749 App. B", "the request is not valid form encoding";
    ClientIdRepeated => InvalidRequest, "AUTHZ-03", "RFC 6749 §3.1", "client_id or redirect_uri stands in the request twice";
    ClientIdMissing => InvalidRequest, "REDIR-10", "RFC 6749 §4.1.2.1", "client_id is missing";
    ClientUnknown => InvalidRequest, "AUTHZ-05", "RFC 6749 §4.1.2.1", "no such application is registered here";
    ClientSwitchedOff => InvalidRequest, "INV-03", "RFC 9700 §2.5", "no such application is registered here";
    RedirectUriMissing => InvalidRequest, "REDIR-09", "RFC 6749 §3.1.2.3", "redirect_uri is missing";
    RedirectUriUnregistered => InvalidRequest, "REDIR-01", "RFC 9700 §2.1", "redirect_uri is not one that the application registered";

    // ---- authorize: afterwards, a redirect ----
    AuthorizeParameterRepeated => InvalidRequest, "AUTHZ-03", "RFC 6749 §3.1", "a parameter stands in the request twice";
    StateTooLong => InvalidRequest, "AUTHZ-11", "RFC 6749 §4.1.2", "state is longer than 4096 characters or not printable ASCII";
    RequestObjectUnsupported => RequestNotSupported, "JAR-09", "OIDC Core §3.1.2.6", "request objects are not supported";
    RequestUriUnsupported => RequestUriNotSupported, "JAR-09", "OIDC Core §3.1.2.6", "request_uri is not supported";
    ResponseTypeMissing => InvalidRequest, "AUTHZ-06", "RFC 6749 §3.1.1", "response_type is missing";
    ResponseTypeUnsupported => UnsupportedResponseType, "AUTHZ-07", "RFC 6749 §4.1.2.1", "the only response_type is code";
    ResponseTypeUnregistered => UnauthorizedClient, "AUTHZ-08", "RFC 6749 §4.1.2.1", "this client is not registered for authorization codes";
    ResponseModeUnsupported => InvalidRequest, "AUTHZ-09", "OAuth Multiple Response Types §2.1", "the only response_mode is query";
    CodeChallengeMissing => InvalidRequest, "PKCE-01", "RFC 9700 §2.1.1", "code_challenge is missing: every client must use PKCE with S256";
    CodeChallengeMethodUnsupported => InvalidRequest, "NEVER-03", "RFC 9700 §2.1.1", "code_challenge_method must be S256 (PKCE); absent does not mean plain";
    CodeChallengeMalformed => InvalidRequest, "PKCE-02", "RFC 7636 §4.2", "code_challenge must be 43 base64url characters (PKCE, S256)";
    ScopeMalformed => InvalidScope, "AUTHZ-12", "RFC 6749 §3.3", "scope is not a list of scope tokens separated by single spaces";
    ScopeNotAllowed => InvalidScope, "AUTHZ-13", "RFC 6749 §4.1.2.1", "this client may not ask for one of the scopes";
    ScopeMissing => InvalidScope, "AUTHZ-15", "RFC 6749 §3.3", "scope is missing, and this client has no default";
    NothingAsked => InvalidScope, "AUTHZ-13", "RFC 6749 §3.3", "none of the scopes is known at the resource that is asked for";
    ResourceMalformed => InvalidTarget, "RESIND-01", "RFC 8707 §2", "resource must be an absolute URI without a fragment";
    ResourceUnknown => InvalidTarget, "RESIND-02", "RFC 8707 §2", "resource is not one that this client may ask for";
    ResourceMissing => InvalidTarget, "AT-04", "RFC 9068 §3", "this client has no resource to ask for";
    DetailsMalformed => InvalidAuthorizationDetails, "RAR-01", "RFC 9396 §2", "authorization_details must be a JSON array of objects, each with a type, within 8 KiB";
    DetailTypeNotAllowed => InvalidAuthorizationDetails, "RAR-03", "RFC 9396 §10", "this client may not ask for one of the types of authorization_details";
    DetailNotOfItsType => InvalidAuthorizationDetails, "RAR-02", "RFC 9396 §5", "an object of authorization_details does not fit its type: a field is unknown, missing or not allowed";
    TooManyWaiting => TemporarilyUnavailable, "LIMITS-05", "policy", "too many requests wait for their users; try again in a few minutes";

    // ---- sign-in and consent ----
    RequestGone => InvalidRequest, "AUTHZ-31", "RFC 9700 §4.7", "this request is not waiting in this browser: it was answered, it took too long, or it began elsewhere";
    RequestOfAnotherBrowser => InvalidRequest, "SESS-03", "RFC 9700 §4.7", "this request is not waiting in this browser: it was answered, it took too long, or it began elsewhere";
    FormForged => AccessDenied, "SESS-05", "RFC 9700 §4.7", "the form did not come from the page that this server sent to this browser";
    ConsentForged => AccessDenied, "CONSENT-04", "RFC 9700 §4.7", "the form did not come from the page that this server sent to this browser";
    SignInFailed => AccessDenied, "LOGIN-01", "OWASP ASVS 6.3.8", "username or password is wrong";
    SignInThrottled => TemporarilyUnavailable, "LOGIN-04", "NIST SP 800-63B §3.2.2", "too many attempts; wait a minute";
    SessionNeeded => AccessDenied, "SESS-04", "OWASP ASVS V7", "sign in first";
    NothingChosen => AccessDenied, "AUTHZ-14", "RFC 6749 §3.3", "nothing was left ticked";
    UserDenied => AccessDenied, "AUTHZ-27", "RFC 6749 §4.1.2.1", "the user said no";

    // ---- token: the request as such ----
    TokenMethod => InvalidRequest, "TOKEN-01", "RFC 6749 §3.2", "this endpoint takes a POST and nothing else";
    TokenInQuery => InvalidRequest, "TOKEN-03", "RFC 6749 §2.3.1", "the parameters belong into the body, never into the URL";
    TokenContentType => InvalidRequest, "TOKEN-02", "RFC 6749 §3.2", "the body must be application/x-www-form-urlencoded";
    TokenMalformed => InvalidRequest, "TOKEN-10", "RFC 6749 App. B", "the body is not valid form encoding, or has more than 100 parameters";
    TokenBodyTooLong => InvalidRequest, "TOKEN-10", "policy", "the body is longer than 64 KiB";
    TokenBodyBrokenOff => InvalidRequest, "LIMITS-01", "policy", "the body did not arrive in time, or not whole";
    TokenParameterRepeated => InvalidRequest, "TOKEN-04", "RFC 6749 §3.2", "a parameter stands in the request twice";
    GrantTypeMissing => InvalidRequest, "TOKEN-06", "RFC 6749 §5.2", "grant_type is missing";
    GrantTypeUnsupported => UnsupportedGrantType, "TOKEN-06", "RFC 6749 §5.2", "this grant_type is not offered";
    GrantTypeUnregistered => UnauthorizedClient, "TOKEN-06", "RFC 6749 §5.2", "this client is not registered for this grant_type";
    TokenParameterMissing => InvalidRequest, "TOKEN-06", "RFC 6749 §5.2", "a parameter that this grant_type needs is missing";

    // ---- client authentication ----
    SeveralMethods => InvalidRequest, "CAUTH-02", "RFC 6749 §2.3", "the client authenticates in more than one way";
    CredentialsMissing => InvalidClient, "CAUTH-09", "RFC 6749 §3.2.1", "the client did not say who it is";
    BasicMalformed => InvalidClient, "CAUTH-04", "RFC 6749 §2.3.1", "the Authorization header is not valid Basic authentication with percent-encoded parts";
    ClientIdsDiffer => InvalidClient, "CAUTH-05", "RFC 6749 §3.2.1", "client authentication failed";
    NoSuchClient => InvalidClient, "CAUTH-06", "RFC 6749 §2.3.1", "client authentication failed";
    ClientDisabled => InvalidClient, "INV-03", "RFC 9700 §2.5", "client authentication failed";
    WrongMethod => InvalidClient, "CAUTH-01", "RFC 7591 §2", "client authentication failed; is this the method the client is registered with?";
    WrongSecret => InvalidClient, "CAUTH-06", "RFC 6749 §2.3.1", "client authentication failed";
    SecretReplaced => InvalidClient, "CAUTH-07", "policy", "client authentication failed";
    ClientThrottled => TemporarilyUnavailable, "CAUTH-08", "RFC 6749 §2.3.1", "too many wrong secrets; wait a minute";

    // ---- token: authorization_code ----
    CodeUnknown => InvalidGrant, "CODE-08", "RFC 6749 §5.2", "the authorization code is not valid";
    CodeOfAnotherClient => InvalidGrant, "CODE-06", "RFC 6749 §4.1.3", "the authorization code is not valid";
    CodeGuessedAt => InvalidGrant, "CODE-09", "RFC 7636 §4.6", "the authorization code is not valid";
    VerifierMissing => InvalidGrant, "PKCE-04", "RFC 7636 §4.6", "code_verifier is missing";
    VerifierMalformed => InvalidGrant, "PKCE-03", "RFC 7636 §4.1", "code_verifier must be 43 to 128 unreserved characters";
    VerifierWrong => InvalidGrant, "PKCE-04", "RFC 7636 §4.6", "code_verifier does not fit the code_challenge";
    CodeReplayed => InvalidGrant, "CODE-04", "RFC 6749 §4.1.2", "the authorization code is not valid";
    CodeExpired => InvalidGrant, "CODE-02", "RFC 6749 §4.1.2", "the authorization code is not valid";
    RedirectUriNotRepeated => InvalidGrant, "CODE-07", "RFC 6749 §4.1.3", "redirect_uri must be repeated as it was in the authorization request";
    RedirectUriDiffers => InvalidGrant, "CODE-07", "RFC 6749 §4.1.3", "redirect_uri must be repeated as it was in the authorization request";
    RedirectUriWithdrawn => InvalidGrant, "INV-03", "RFC 9700 §2.5", "the authorization code is not valid";
    CodeGrantGone => InvalidGrant, "INV-01", "RFC 6749 §5.2", "the authorization code is not valid";
    CodeUserGone => InvalidGrant, "INV-02", "policy", "the authorization code is not valid";
    CodeSessionEnded => InvalidGrant, "CODE-11", "policy", "the authorization code is not valid";

    // ---- token: refresh_token ----
    RefreshTokenUnknown => InvalidGrant, "REFRESH-20", "RFC 6749 §5.2", "the refresh token is not valid";
    RefreshTokenOfAnotherClient => InvalidGrant, "REFRESH-03", "RFC 6749 §6", "the refresh token is not valid";
    RefreshGrantGone => InvalidGrant, "REFRESH-16", "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshTokenReused => InvalidGrant, "REFRESH-09", "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshRetriedTooOften => TemporarilyUnavailable, "REFRESH-10", "policy", "the refresh token was shown too often; use the one that it was answered with";
    RefreshTokenIdle => InvalidGrant, "REFRESH-12", "OAuth 2.0 for Browser-Based Applications", "the refresh token is not valid";
    RefreshGrantEnded => InvalidGrant, "REFRESH-12", "OAuth 2.0 for Browser-Based Applications", "the refresh token is not valid";
    RefreshUserGone => InvalidGrant, "INV-02", "policy", "the refresh token is not valid";
    RefreshSessionEnded => InvalidGrant, "REFRESH-16", "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshScopeWider => InvalidScope, "REFRESH-13", "RFC 6749 §6", "a refreshed token may not have more scope than was granted";
    ScopeTakenBack => InvalidScope, "REFRESH-13", "RFC 6749 §5.2", "the user took back all of this scope; ask without scope for what is left";
    NothingLeft => InvalidGrant, "REFRESH-15", "policy", "nothing of what was granted may still be given to this client";

    // ---- token: what is issued ----
    SeveralTargets => InvalidTarget, "AT-04", "RFC 8707 §2.2", "an access token is for one resource; ask once for each";
    TargetNotGranted => InvalidTarget, "RESIND-03", "RFC 8707 §2.2", "resource is not among those granted";
    DetailsNotGranted => InvalidAuthorizationDetails, "RAR-06", "RFC 9396 §6", "authorization_details may only narrow what was granted";
    DetailsTakenBack => InvalidAuthorizationDetails, "RAR-06", "RFC 9396 §6", "the user took back all of these authorization_details; ask without authorization_details for what is left";
    PublicClientAlone => UnauthorizedClient, "TOKEN-11", "RFC 6749 §4.4", "client_credentials is for clients that can keep a secret";

    // ---- a token that is shown: to be ended, or to be told about ----
    ShownTokenMissing => InvalidRequest, "REVOKE-01", "RFC 7009 §2.1, RFC 7662 §2.1", "token is missing";
    IntrospectionByPublicClient => InvalidClient, "INTRO-01", "RFC 7662 §2.1", "client authentication failed: this endpoint is for clients that can keep a secret";
    IntrospectionThrottled => TemporarilyUnavailable, "INTRO-07", "RFC 7662 §4", "too many tokens that are not active; try again in a second";

    // ---- why a token is not active: for the operator, the caller is told that it is not and nothing else ----
    ShownTokenUnknown => InvalidToken, "INTRO-03", "RFC 7662 §2.2", "the token is not active";
    AccessTokenForAnother => InvalidToken, "INTRO-02", "RFC 7662 §4", "the token is not active";
    AccessTokenExpired => InvalidToken, "INTRO-03", "RFC 7662 §2.2", "the token is not active";
    AccessTokenNotYetValid => InvalidToken, "INV-11", "RFC 7662 §4", "the token is not active";
    AccessTokenEnded => InvalidToken, "REVOKE-04", "RFC 7009 §2.1", "the token is not active";
    AccessTokenClientGone => InvalidToken, "INV-03", "RFC 9700 §2.5", "the token is not active";
    AccessTokenGrantGone => InvalidToken, "AT-11", "RFC 7009 §2", "the token is not active";
    AccessTokenUserGone => InvalidToken, "INV-02", "policy", "the token is not active";
    AccessTokenTakenBack => InvalidToken, "AT-11", "policy", "the token is not active";
    RefreshTokenShownByAnother => InvalidToken, "INTRO-08", "RFC 7662 §4", "the token is not active";
    RefreshTokenSpent => InvalidToken, "INTRO-03", "RFC 7662 §2.2", "the token is not active";

    // ---- the operator ----
    NameTaken => InvalidRequest, "LOGIN-05", "RFC 8265 §3.3", "that username or id is taken";
}
