use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::{get, post};
use grantd::http::Transport;
use grantd::http::headers::SecurityHeaders;
use grantd::listen::{BindFault, Drained, HostNames, Limits, Listener, PanicCount, Serving, Source, TrustedProxies};
use grantd::telemetry::RequestIds;
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

mod tls;

/// A server on a free port.
struct Server {
    address: SocketAddr,
    panics: PanicCount,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

fn app() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/source", get(|Extension(source): Extension<Source>| async move { source.0.to_string() }))
        .route("/panic", get(|| async { panic!("on purpose") as &str }))
        .route("/slow", get(|| async { sleep(Duration::from_secs(1)).await }))
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |_| {}).await
    }

    async fn start_with(limits: Limits, change: impl FnOnce(&mut Serving)) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        let panics = PanicCount::default();
        let mut serving = Serving {
            names: HostNames::new(["id.example", "localhost:8080"]),
            headers: SecurityHeaders::new(Transport::LoopbackHttp),
            proxies: TrustedProxies::default(),
            limits,
            tls: None,
            request_ids: RequestIds::new(|bytes| bytes.fill(1)),
            panics: panics.clone(),
        };
        change(&mut serving);
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(listener.serve(app(), serving, async move {
            let _ = stopped.await;
        }));
        Self { address, panics, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a new connection and reads until the server closes; fails if it does not within five seconds.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    String::from_utf8(answer).unwrap()
}

/// Reads until `ending` has come.
async fn read_until(stream: &mut TcpStream, ending: &str) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 1024];
    while !answer.ends_with(ending) {
        let count = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.expect("an answer").unwrap();
        assert_ne!(count, 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    answer
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.").skip(1).map(|part| &part[2..5]).collect()
}

const GOOD: &str = "GET / HTTP/1.1\r\nHost: id.example\r\n\r\n";
const GOODBYE: &str = "GET / HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn several_requests_share_a_connection() {
    let server = Server::start(Limits::default()).await;
    let post = "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3\r\n\r\nabc";
    let answer = server.exchange(format!("{GOOD}{post}\r\n{GOODBYE}").as_bytes()).await;
    assert_eq!(statuses(&answer), ["200", "200", "200"]);
    assert!(answer.contains("\r\n\r\nabcHTTP/1.1"), "{answer}");
    assert!(answer.ends_with("hello"));
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in b"POST /echo HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("abc"), "{answer}");
}

/// Heads that are refused, each with what is wrong with it.
const MALFORMED: [(&str, &str); 19] = [
    (
        "both framings",
        "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    ),
    (
        "both, the other way",
        "POST /echo HTTP/1.1\r\nHost: id.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ),
    ("length twice", "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ("length as a list", "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3, 3\r\n\r\nabc"),
    ("length with a sign", "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: +3\r\n\r\nabc"),
    ("empty length", "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: \r\n\r\nabc"),
    ("huge length", "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 18446744073709551619\r\n\r\nabc"),
    ("obs-fold", "GET / HTTP/1.1\r\nHost: id.example\r\nX: a\r\n b\r\n\r\n"),
    ("field before the first", "GET / HTTP/1.1\r\n Host: id.example\r\n\r\n"),
    ("bare LF in the request line", "GET / HTTP/1.1\nHost: id.example\r\n\r\n"),
    ("bare LF behind a field", "GET / HTTP/1.1\r\nHost: id.example\nX: a\r\n\r\n"),
    ("bare LF at the end", "GET / HTTP/1.1\r\nHost: id.example\r\n\n"),
    ("bare CR in a value", "GET / HTTP/1.1\r\nHost: id.example\r\nX: a\rb\r\n\r\n"),
    ("space before the colon", "GET / HTTP/1.1\r\nHost: id.example\r\nX : a\r\n\r\n"),
    ("no colon", "GET / HTTP/1.1\r\nHost: id.example\r\nX\r\n\r\n"),
    ("NUL in a value", "GET / HTTP/1.1\r\nHost: id.example\r\nX: a\0b\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nHost: id.example\r\nHost: id.example\r\n\r\n"),
    ("two spaces in the request line", "GET  / HTTP/1.1\r\nHost: id.example\r\n\r\n"),
    ("no version", "GET /\r\nHost: id.example\r\n\r\n"),
];

// proves: LIMITS-04
#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let server = Server::start(Limits::default()).await;
    for (what, malformed) in MALFORMED {
        // The good request behind it must not be answered: nobody knows where it would begin.
        let answer = server.exchange(format!("{malformed}{GOOD}").as_bytes()).await;
        assert_eq!(statuses(&answer), ["400"], "{what}: {answer:?}");
    }
}

// proves: LIMITS-04
#[tokio::test]
async fn ambiguous_framing_is_refused_also_byte_by_byte_and_behind_a_good_request() {
    let server = Server::start(Limits::default()).await;
    for (what, malformed) in MALFORMED {
        let mut stream = server.connect().await;
        stream.set_nodelay(true).unwrap();
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        read_until(&mut stream, "hello").await;
        for piece in malformed.as_bytes().chunks(7) {
            // The refusal may come before the last piece is sent.
            if stream.write_all(piece).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        let answer = read_to_end(&mut stream).await;
        assert_eq!(statuses(&answer), ["400"], "{what}: {answer:?}");
    }
}

// proves: LIMITS-04
#[tokio::test]
async fn a_chunked_body_is_refused_and_not_read() {
    let server = Server::start(Limits::default()).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: id.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = server.exchange(format!("{chunked}{GOOD}").as_bytes()).await;
    assert_eq!(statuses(&answer), ["411"]);
}

// proves: LIMITS-03
#[tokio::test]
async fn http_2_is_not_spoken() {
    let server = Server::start(Limits::default()).await;
    let answer = server.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(!answer.contains("HTTP/2") && statuses(&answer).iter().all(|status| *status == "400"), "{answer:?}");
}

// proves: LIMITS-01
#[tokio::test]
async fn a_head_that_is_too_long_or_has_too_many_fields_is_refused() {
    let server = Server::start(Limits::default()).await;
    let with = |fields: &str| format!("GET / HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\n{fields}\r\n");
    let long = |size: usize| with(&format!("X: {}\r\n", "a".repeat(size)));
    let many = |count: usize| with(&"X: a\r\n".repeat(count));
    assert_eq!(statuses(&server.exchange(long(32_000).as_bytes()).await), ["200"]);
    assert_eq!(statuses(&server.exchange(long(33_000).as_bytes()).await), ["431"]);
    assert_eq!(statuses(&server.exchange(long(200_000).as_bytes()).await), ["431"]);
    assert_eq!(statuses(&server.exchange(many(98).as_bytes()).await), ["200"]);
    assert_eq!(statuses(&server.exchange(many(99).as_bytes()).await), ["431"]);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let server = Server::start(Limits { max_body_bytes: 10, ..Limits::default() }).await;
    let post = |length: usize| {
        format!("POST /echo HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
    };
    assert_eq!(statuses(&server.exchange(format!("{}0123456789", post(10)).as_bytes()).await), ["200"]);
    assert_eq!(statuses(&server.exchange(post(11).as_bytes()).await), ["413"]);
}

fn hasty() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(400),
        idle_timeout: Duration::from_millis(600),
        ..Limits::default()
    }
}

// proves: LIMITS-01
#[tokio::test]
async fn slow_heads_slow_bodies_and_idle_connections_are_closed() {
    let server = Server::start(hasty()).await;
    let body = "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3\r\n\r\na";
    for (sent, least) in [("", 150), ("GET / HT", 150), (body, 350), (GOOD, 550)] {
        let began = Instant::now();
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await;
        let waited = began.elapsed().as_millis();
        assert!(waited >= least && waited < least + 1500, "{waited} ms after {sent:?}");
    }
}

// proves: LIMITS-01
#[tokio::test]
async fn a_byte_now_and_then_buys_no_time() {
    let server = Server::start(hasty()).await;
    let body = "POST /echo HTTP/1.1\r\nHost: id.example\r\nContent-Length: 1000\r\n\r\n";
    for start in ["GET / HTTP/1.1\r\nX: ", body] {
        let began = Instant::now();
        let mut stream = server.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut buffer = [0; 64];
        loop {
            let _ = stream.write_all(b"a").await;
            match timeout(Duration::from_millis(50), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                _ => assert!(began.elapsed() < Duration::from_secs(5), "still open after {start:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_body_at_a_fair_pace_may_take_longer() {
    let limits = Limits { body_timeout: Duration::from_millis(200), body_bytes_per_second: 100, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stream = server.connect().await;
    let head = "POST /echo HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\nContent-Length: 500\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..5 {
        stream.write_all(&[b'a'; 100]).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(statuses(&read_to_end(&mut stream).await), ["200"]);
}

// proves: LIMITS-02
#[tokio::test]
async fn more_connections_than_allowed_are_told_503() {
    for limits in [
        Limits { max_connections_per_source: 2, ..Limits::default() },
        Limits { max_connections: 2, ..Limits::default() },
    ] {
        let server = Server::start(limits).await;
        let mut kept = [server.connect().await, server.connect().await];
        for stream in &mut kept {
            stream.write_all(GOOD.as_bytes()).await.unwrap();
            read_until(stream, "hello").await;
        }
        assert_eq!(statuses(&server.exchange(GOOD.as_bytes()).await), ["503"]);
        drop(kept);
        // A place that is given back can be taken again.
        let began = Instant::now();
        while statuses(&server.exchange(GOODBYE.as_bytes()).await) != ["200"] {
            assert!(began.elapsed() < Duration::from_secs(5), "the places are not given back");
        }
    }
}

// proves: LIMITS-07
#[tokio::test]
async fn only_configured_host_names_are_answered() {
    let server = Server::start(Limits::default()).await;
    let ask = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for (target, host, status) in [
        ("/", "id.example", "200"),
        ("/", "ID.Example:443", "200"),
        ("/", "localhost:8080", "200"),
        ("http://id.example/", "id.example", "200"),
        ("/", "localhost", "421"),
        ("/", "localhost:8081", "421"),
        ("/", "evil.example", "421"),
        ("/", "id.example.evil", "421"),
        ("/", "id.example@evil", "421"),
        ("/", "", "421"),
        ("http://evil.example/", "id.example", "421"),
        ("http://id.example/", "evil.example", "421"),
    ] {
        let answer = server.exchange(ask(target, host).as_bytes()).await;
        assert_eq!(statuses(&answer), [status], "{target} at {host}");
    }
    assert_eq!(statuses(&server.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await), ["400"]);
    assert_eq!(statuses(&server.exchange(b"GET / HTTP/1.0\r\n\r\n").await), ["421"]);
}

// proves: LIMITS-06
#[tokio::test]
async fn a_panic_fails_one_request_and_is_counted() {
    let server = Server::start(Limits::default()).await;
    let panicking = "GET /panic HTTP/1.1\r\nHost: id.example\r\n\r\n";
    let answer = server.exchange(panicking.as_bytes()).await;
    assert_eq!(statuses(&answer), ["500"]);
    assert!(!answer.contains("on purpose"));
    assert!(answer.contains("x-frame-options"), "guards answer with the security headers as well: {answer}");
    assert_eq!(server.panics.get(), 1);
    assert_eq!(statuses(&server.exchange(GOODBYE.as_bytes()).await), ["200"]);
}

async fn source_seen(server: &Server, forwarded: &str) -> String {
    let ask = format!("GET /source HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\n{forwarded}\r\n");
    let answer = server.exchange(ask.as_bytes()).await;
    answer.rsplit("\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn forwarded_addresses_are_believed_from_named_proxies_only() {
    let forwarded = "X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n";
    let direct = Server::start(Limits::default()).await;
    assert_eq!(source_seen(&direct, forwarded).await, "127.0.0.1");
    let proxied = Server::start_with(Limits::default(), |serving| {
        serving.proxies = TrustedProxies::new(vec!["127.0.0.1".parse().unwrap()]);
    })
    .await;
    assert_eq!(source_seen(&proxied, forwarded).await, "198.51.100.7");
    assert_eq!(source_seen(&proxied, "").await, "127.0.0.1");
}

#[test]
fn the_source_is_the_first_address_from_the_right_that_is_no_proxy() {
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::1".parse().unwrap()]);
    let peer: IpAddr = "10.0.0.1".parse().unwrap();
    let source = |lines: &[&str]| {
        let lines = lines.iter().map(|line| ("x-forwarded-for".parse().unwrap(), HeaderValue::from_str(line).unwrap()));
        proxies.source(peer, &lines.collect::<HeaderMap>()).0.to_string()
    };
    assert_eq!(source(&["1.1.1.1, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
    assert_eq!(source(&["1.1.1.1, 192.0.2.1, 2001:db8::1"]), "192.0.2.1");
    assert_eq!(source(&["[2001:db8:1::5]:4711"]), "2001:db8:1::5");
    assert_eq!(source(&["192.0.2.1:80"]), "192.0.2.1");
    assert_eq!(source(&["::ffff:192.0.2.1"]), "192.0.2.1");
    assert_eq!(source(&["1.1.1.1, unknown, 10.0.0.3"]), "10.0.0.3");
    assert_eq!(source(&["10.0.0.4"]), "10.0.0.4");
    assert_eq!(source(&[""]), "10.0.0.1");
}

#[test]
fn a_line_that_a_client_began_with_a_foreign_letter_is_not_passed_over() {
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let lines = [&b"1.1.1.1"[..], b"\xff, 192.0.2.1"].map(|line| HeaderValue::from_bytes(line).unwrap());
    let headers: HeaderMap = lines.into_iter().map(|line| ("x-forwarded-for".parse().unwrap(), line)).collect();
    assert_eq!(proxies.source("10.0.0.1".parse().unwrap(), &headers).0.to_string(), "192.0.2.1");
}

#[test]
fn a_source_is_throttled_by_its_network() {
    let network = |address: &str| Source(address.parse().unwrap()).network();
    assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
    assert_eq!(network("::ffff:192.0.2.77"), "192.0.2.0/24");
    assert_eq!(network("2001:db8:1:23ff::1"), "2001:db8:1:2300::/56");
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_server_ends() {
    let server = Server::start(Limits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(GOOD.as_bytes()).await.unwrap();
    read_until(&mut idle, "hello").await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: id.example\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.stop.send(()).unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert_eq!(statuses(&read_to_end(&mut busy).await), ["200"]);
    assert_eq!(timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap(), Drained::Clean);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn who_came_before_the_end_is_answered_although_their_request_comes_after_it() {
    let server = Server::start(Limits::default()).await;
    let mut just_come = server.connect().await;
    // Some of these were accepted, and some stand in the queue, when the end comes.
    let mut more = Vec::new();
    for _ in 0..20 {
        more.push(server.connect().await);
    }
    server.stop.send(()).unwrap();
    sleep(Duration::from_millis(50)).await;
    just_come.write_all(GOOD.as_bytes()).await.unwrap();
    assert_eq!(statuses(&read_to_end(&mut just_come).await), ["200"]);
    for mut stream in more {
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        assert_eq!(statuses(&read_to_end(&mut stream).await), ["200"]);
    }
    assert_eq!(timeout(Duration::from_secs(5), server.ended).await.unwrap().unwrap(), Drained::Clean);
}

#[tokio::test]
async fn draining_has_a_limit() {
    let server = Server::start(Limits { drain_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: id.example\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.stop.send(()).unwrap();
    assert_eq!(timeout(Duration::from_millis(800), server.ended).await.unwrap().unwrap(), Drained::CutOff);
}

#[tokio::test]
async fn a_taken_address_is_named_with_the_way_out() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let fault = Listener::bind(first.address()).await.unwrap_err();
    assert!(matches!(fault, BindFault::Taken { .. }));
    let says = fault.to_string();
    assert!(says.contains(&first.address().to_string()) && says.contains("--listen"), "{says}");
}
