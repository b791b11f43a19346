//! Where one request ends and the next begins, read strictly (LIMITS-04, RFC 9112 §2.2, §5.1, §6.3, §11.2).
//!
//! Hyper's parser is lenient where RFC 9112 allows it (bare LF, repeated equal `Content-Length`, …). Every such leniency
//! is a chance that a proxy in front sees other requests than we do. So the bytes are followed here first. Chunked bodies
//! are not followed but refused (411, in `stack`): no OAuth client needs them, and without chunk parsing there is nothing to
//! disagree about. Does not judge methods, targets or field values beyond what framing needs.

/// What [`Follower::follow`] found in a piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// All of it may be passed on.
    All,
    /// Pass on this many bytes; the request that they belong to is the last: its rest is not read.
    Last(usize),
    /// Pass on this many bytes, then fail: the byte there breaks the rules.
    Broken(usize, Violation),
}

/// Why a request's framing is refused. For the log; the peer reads only "400".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// LF without CR before it.
    BareLineFeed,
    /// CR without LF behind it.
    BareCarriageReturn,
    /// A NUL byte.
    Nul,
    /// The request line is not `method SP target SP HTTP/1.x`; the HTTP/2 preface is one of these (LIMITS-03).
    RequestLine,
    /// A field name that is no token: whitespace before the colon, a line that continues the field above it (obs-fold), or
    /// no colon at all.
    FieldName,
    /// `Content-Length` twice, or not a number.
    ContentLength,
    /// Both `Content-Length` and `Transfer-Encoding`.
    TwoFramings,
    /// `Host` twice (RFC 9112 §3.2).
    TwoHosts,
}

/// Where in the stream the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the first byte of a request.
    Between,
    /// In a request's head.
    Head,
    /// In a body of which this many bytes are missing.
    Body(u64),
    /// Behind the last byte that will be passed on.
    Ended,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Follower {
    phase: Phase,
    head: Head,
    max_head_bytes: usize,
}

impl Follower {
    pub(super) fn new(max_head_bytes: usize) -> Self {
        Self { phase: Phase::Between, head: Head::default(), max_head_bytes }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Reads on. After anything but [`Followed::All`] the stream is over.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Followed {
        let mut position = 0;
        while let Some(byte) = bytes.get(position) {
            match self.phase {
                Phase::Body(missing) => {
                    let present = u64::try_from(bytes.len() - position).unwrap_or(u64::MAX);
                    let taken = missing.min(present);
                    self.phase = if taken == missing { Phase::Between } else { Phase::Body(missing - taken) };
                    position += usize::try_from(taken).unwrap_or(usize::MAX);
                }
                Phase::Between | Phase::Head => {
                    let rest = bytes.get(position..).unwrap_or_default();
                    let taken = self.head.read_text(rest, self.max_head_bytes);
                    position += taken;
                    let read = if taken == 0 { self.head.read(*byte) } else { Ok(None) };
                    if let Err(violation) = read {
                        self.phase = Phase::Ended;
                        return Followed::Broken(position, violation);
                    }
                    position += usize::from(taken == 0);
                    self.phase = match read {
                        Ok(Some(end)) => self.after_head(end),
                        _ if self.head.bytes > self.max_head_bytes => Phase::Ended,
                        _ => Phase::Head,
                    };
                }
                Phase::Ended => return Followed::Last(position),
            }
        }
        if self.phase == Phase::Ended { Followed::Last(position) } else { Followed::All }
    }

    fn after_head(&mut self, end: BodyFraming) -> Phase {
        self.head.begin_anew();
        match end {
            BodyFraming::Length(0) => Phase::Between,
            BodyFraming::Length(length) => Phase::Body(length),
            BodyFraming::TransferEncoding => Phase::Ended,
        }
    }
}

#[derive(Clone, Copy)]
enum BodyFraming {
    Length(u64),
    TransferEncoding,
}

/// A head as far as it was read.
#[derive(Debug, Default)]
struct Head {
    bytes: usize,
    line: Vec<u8>,
    blank_lines: usize,
    has_request_line: bool,
    has_host: bool,
    content_length: Option<u64>,
    transfer_encoding: bool,
}

impl Head {
    /// Takes what stands before the next CR, LF or NUL, all at once, and gives how much that was: nothing right after a CR. No
    /// more than makes the head too long.
    fn read_text(&mut self, bytes: &[u8], max_head_bytes: usize) -> usize {
        if self.line.last() == Some(&b'\r') {
            return 0;
        }
        let room = (max_head_bytes + 1).saturating_sub(self.bytes);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0));
        let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        self.line.extend_from_slice(text);
        self.bytes += text.len();
        text.len()
    }

    /// For the next request; the buffer of its lines is kept.
    fn begin_anew(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        *self = Self { line, ..Self::default() };
    }

    /// Takes the next byte; gives the body's framing when it was the head's last.
    fn read(&mut self, byte: u8) -> Result<Option<BodyFraming>, Violation> {
        self.bytes += 1;
        let after_cr = self.line.last() == Some(&b'\r');
        match byte {
            b'\n' if after_cr => {
                self.line.pop();
                let mut line = std::mem::take(&mut self.line);
                let read = self.read_line(&line);
                line.clear();
                self.line = line;
                read
            }
            b'\n' => Err(Violation::BareLineFeed),
            _ if after_cr => Err(Violation::BareCarriageReturn),
            0 => Err(Violation::Nul),
            _ => {
                self.line.push(byte);
                Ok(None)
            }
        }
    }

    fn read_line(&mut self, line: &[u8]) -> Result<Option<BodyFraming>, Violation> {
        match (self.has_request_line, line.is_empty()) {
            (true, true) => Ok(Some(if self.transfer_encoding {
                BodyFraming::TransferEncoding
            } else {
                BodyFraming::Length(self.content_length.unwrap_or(0))
            })),
            (true, false) => self.read_field(line).map(|()| None),
            // RFC 9112 §2.2: old clients send one CRLF too many after a body.
            (false, true) if self.blank_lines == 0 => {
                self.blank_lines += 1;
                Ok(None)
            }
            (false, _) => {
                self.has_request_line = true;
                if is_request_line(line) { Ok(None) } else { Err(Violation::RequestLine) }
            }
        }
    }

    fn read_field(&mut self, line: &[u8]) -> Result<(), Violation> {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return Err(Violation::FieldName) };
        if name.is_empty() || !name.iter().all(|byte| is_tchar(*byte)) {
            return Err(Violation::FieldName);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = parse_length(value.trim_ascii()).ok_or(Violation::ContentLength)?;
            if self.content_length.replace(length).is_some() {
                return Err(Violation::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.transfer_encoding = true;
        } else if name.eq_ignore_ascii_case(b"host") && std::mem::replace(&mut self.has_host, true) {
            return Err(Violation::TwoHosts);
        }
        if self.transfer_encoding && self.content_length.is_some() {
            return Err(Violation::TwoFramings);
        }
        Ok(())
    }
}

/// RFC 9112 §3, with exactly one space at each place.
fn is_request_line(line: &[u8]) -> bool {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    !method.is_empty()
        && method.iter().all(|byte| is_tchar(*byte))
        && !target.is_empty()
        && (version == b"HTTP/1.1" || version == b"HTTP/1.0")
}

/// Digits only: no sign, no list of equal lengths. 18 digits fit into 64 bits and are more than any body has.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// RFC 9110 §5.6.2.
fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'
            | b'_' | b'`' | b'|' | b'~'
    )
}
