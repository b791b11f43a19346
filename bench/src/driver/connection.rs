//! One HTTP/1.1 connection that is kept: a request's bytes go out, one answer is read whole. Nothing is pipelined.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fault::Fault;

/// A connection, and what was read from it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, as long as the next request is not sent.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    head: &'a str,
    /// All of the body.
    pub body: &'a str,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, Fault> {
        let connecting = || Fault::io(format!("connecting to {address}"));
        let stream = TcpStream::connect(address).await.map_err(connecting())?;
        stream.set_nodelay(true).map_err(connecting())?;
        Ok(Self { stream, read: Vec::with_capacity(8 * 1024) })
    }

    /// Sends a whole request and reads the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, Fault> {
        self.read.clear();
        self.stream.write_all(request).await.map_err(Fault::io("sending a request"))?;
        let frame = loop {
            if let Some(frame) = Frame::of(&self.read)?
                && self.read.len() >= frame.head_bytes + frame.body_bytes
            {
                break frame;
            }
            let count = self.stream.read_buf(&mut self.read).await.map_err(Fault::io("reading an answer"))?;
            if count == 0 {
                let ended = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(Fault::io("waiting for an answer")(ended));
            }
        };
        let text = std::str::from_utf8(&self.read).map_err(|_| Fault::Answer("an answer is no UTF-8".to_owned()))?;
        let (head, rest) = text.split_at_checked(frame.head_bytes).unwrap_or((text, ""));
        Ok(Answer { status: frame.status, head, body: rest.get(..frame.body_bytes).unwrap_or(rest) })
    }
}

impl<'a> Answer<'a> {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// Every header of this name.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &'a str> {
        header_lines(self.head).filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A string member of a JSON body, for values in which nothing is escaped: tokens and codes are such.
    pub fn member(&self, name: &str) -> Option<&'a str> {
        self.body.match_indices(name).find_map(|(at, _)| {
            let before = self.body.get(..at)?;
            let rest = self.body.get(at + name.len()..)?.strip_prefix("\":\"")?;
            before.ends_with('"').then(|| rest.split('"').next()).flatten()
        })
    }

    /// A parameter in the query of the redirect.
    pub fn redirect_parameter(&self, name: &str) -> Option<&'a str> {
        let (_, query) = self.header("location")?.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// What came instead of what was expected. Holds the beginning of the body, which is no secret where it was refused.
    pub fn unexpected(&self, expected: &str) -> Fault {
        let beginning: String = self.body.chars().take(200).collect();
        let location = self.header("location").and_then(|location| location.split('?').next()).unwrap_or_default();
        Fault::Answer(format!("{expected} was expected, and {} {location} came: {beginning}", self.status))
    }
}

/// How long an answer is.
struct Frame {
    status: u16,
    head_bytes: usize,
    body_bytes: usize,
}

impl Frame {
    /// `None` while the head is not complete.
    fn of(read: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let broken = || Fault::Answer("what came is no answer in HTTP/1.1".to_owned());
        let head = read.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or_else(broken)?;
        let status: u16 = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        let mut body_bytes = 0;
        for (name, value) in header_lines(head) {
            if name.eq_ignore_ascii_case("content-length") {
                body_bytes = value.parse().map_err(|_| broken())?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(Fault::Answer("an answer came in chunks, which this driver does not read".to_owned()));
            }
        }
        Ok(Some(Self { status, head_bytes: end + 4, body_bytes }))
    }
}

fn header_lines(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.split("\r\n").skip(1).filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}
