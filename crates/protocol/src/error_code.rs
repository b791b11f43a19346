//! The registered error codes of the wire, and their HTTP status.

/// An `error` value (RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2, RFC 9396 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// RFC 6749 §4.1.2.1: the user said no.
    AccessDenied,
    /// RFC 9396 §5.
    InvalidAuthorizationDetails,
    /// RFC 6749 §5.2: who the client is was not shown.
    InvalidClient,
    /// RFC 6749 §5.2: the code or refresh token gives nothing.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1, §5.2: the request is not one.
    InvalidRequest,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 6750 §3.1: the access token gives nothing.
    InvalidToken,
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported,
    /// RFC 6749 §4.1.2.1: try again later.
    TemporarilyUnavailable,
    /// RFC 6749 §4.1.2.1, §5.2: this client may not do this.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
}

impl ErrorCode {
    /// The value of the `error` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }

    /// The HTTP status at the back channel: it follows from the code alone (RFC 6749 §5.2).
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::TemporarilyUnavailable => 429,
            _ => 400,
        }
    }
}
