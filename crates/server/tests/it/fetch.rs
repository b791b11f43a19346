use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use grantd::fetch::{Allowance, Fetch, FetchFault, FetchSettings, Fetched, Fetcher, HostPort, NamedBy, is_public};
use grantd::telemetry::LogFormat;
use grantd_tokens::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::telemetry::Log;

/// A server on loopback that answers each connection with the same bytes, in pieces.
struct Remote {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    heard: Arc<std::sync::Mutex<String>>,
}

impl Remote {
    async fn start(pieces: Vec<(Duration, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = Self {
            address: listener.local_addr().unwrap(),
            visits: Arc::default(),
            most_at_once: Arc::default(),
            heard: Arc::default(),
        };
        let (visits, most, heard) = (remote.visits.clone(), remote.most_at_once.clone(), remote.heard.clone());
        let at_once = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let (pieces, heard, most, at_once) = (pieces.clone(), heard.clone(), most.clone(), at_once.clone());
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    // Ready for more on the same connection, so that keeping one would show.
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        *heard.lock().unwrap() = String::from_utf8_lossy(&buffer[..count]).into_owned();
                        for (pause, piece) in &pieces {
                            sleep(*pause).await;
                            if stream.write_all(piece).await.is_err() {
                                break;
                            }
                        }
                        at_once.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        remote
    }

    async fn answering(answer: &str) -> Self {
        Self::start(vec![(Duration::ZERO, answer.into())]).await
    }

    fn url(&self) -> String {
        format!("http://{}/things?of=alice", self.address)
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn exception(host_port: &(impl ToString + ?Sized)) -> HostPort {
    host_port.to_string().parse().unwrap()
}

fn reaching(remote: &Remote) -> Fetcher {
    Fetcher::new(FetchSettings { allow: vec![exception(&remote.address)], ..FetchSettings::default() }).unwrap()
}

fn json(url: &str) -> Fetch<'_> {
    Fetch {
        url,
        named_by: NamedBy::Operator,
        bearer: None,
        accept: &["application/json"],
        max_bytes: 100,
        timeout: Duration::from_secs(2),
    }
}

async fn fetched(remote: &Remote) -> Result<Fetched, FetchFault> {
    reaching(remote).get(json(&remote.url())).await
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn a_fetch_goes_straight_to_its_destination() {
    let remote = Remote::answering(GOOD).await;
    let document = fetched(&remote).await.unwrap();
    assert_eq!((document.body.as_ref(), document.media_type.as_str()), (&b"{}"[..], "application/json"));
}

// proves: FETCH-02
#[test]
fn no_proxy_of_the_environment_is_asked() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(variable, "http://127.0.0.1:1");
    }
    for variable in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(variable);
    }
    let output = child.args(["--exact", "fetch::a_fetch_goes_straight_to_its_destination"]).output().unwrap();
    let says = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && says.contains("1 passed"), "{says}");
}

// proves: FETCH-02
#[tokio::test]
async fn no_redirect_is_followed() {
    let target = Remote::answering(GOOD).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url());
    let remote = Remote::answering(&redirect).await;
    let allow = vec![exception(&remote.address), exception(&target.address)];
    let fetcher = Fetcher::new(FetchSettings { allow, ..FetchSettings::default() }).unwrap();
    fetcher.get(json(&remote.url())).await.unwrap_err();
    assert_eq!((remote.visits(), target.visits()), (1, 0));
    fetcher.get(json(&target.url())).await.unwrap();
}

// proves: FETCH-02
#[tokio::test]
async fn nothing_is_kept_from_one_request_for_the_next() {
    let cookie = GOOD.replace("Content-Length", "Set-Cookie: a=b; Path=/\r\nContent-Length");
    let remote = Remote::answering(&cookie).await;
    let fetcher = reaching(&remote);
    fetcher.get(Fetch { bearer: Some(&Secret::new("made-for-this")), ..json(&remote.url()) }).await.unwrap();
    let first = remote.heard.lock().unwrap().to_ascii_lowercase();
    assert!(first.contains("authorization: bearer made-for-this\r\n"), "{first}");
    fetcher.get(json(&remote.url())).await.unwrap();
    let second = remote.heard.lock().unwrap().to_ascii_lowercase();
    for name in ["cookie:", "authorization:", "referer:", "accept-encoding: gzip"] {
        assert!(!second.contains(name), "{second}");
    }
    assert_eq!(remote.visits(), 2, "a connection was kept");
}

// proves: FETCH-02
#[tokio::test]
async fn only_https_at_443_or_an_exact_exception_is_asked() {
    let remote = Remote::answering(GOOD).await;
    let port = remote.address.port();
    let fetcher =
        Fetcher::new(FetchSettings { allow: vec![exception(&remote.address)], ..FetchSettings::default() }).unwrap();
    for url in [
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://127.0.0.1:{}/", port ^ 1),
        format!("ftp://127.0.0.1:{port}/"),
        format!("http://user:word@127.0.0.1:{port}/"),
        "https://example.com:8443/".to_owned(),
        "http://example.com/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "no url".to_owned(),
    ] {
        let log = reason(&fetcher, &url).await;
        assert!(log.contains("no exception names its host and port") || log.contains("it is no URL"), "{url}: {log}");
    }
    assert_eq!(remote.visits(), 0);
    // The same address in the other spellings of RFC 3986 and WHATWG is the same exception.
    fetcher.get(json(&format!("http://0x7f.1:{port}/"))).await.unwrap();
}

/// What the log says of a fetch that must fail.
async fn reason(fetcher: &Fetcher, url: &str) -> String {
    let (log, _guard) = Log::begin(LogFormat::Human);
    fetcher.get(json(url)).await.unwrap_err();
    log.text()
}

// proves: FETCH-03
#[tokio::test]
async fn a_name_is_judged_by_the_addresses_it_resolves_to() {
    let fetcher = Fetcher::new(FetchSettings::default()).unwrap();
    assert!(reason(&fetcher, "https://localhost/").await.contains("not public"));
    for literal in ["127.0.0.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "0"] {
        let log = reason(&fetcher, &format!("https://{literal}/")).await;
        assert!(log.contains("not public"), "{literal}: {log}");
    }
}

// proves: FETCH-03
#[tokio::test]
async fn the_operators_own_ranges_are_refused_as_well() {
    let refuse = vec!["1.2.3.0/24".parse().unwrap()];
    let fetcher = Fetcher::new(FetchSettings { refuse, ..FetchSettings::default() }).unwrap();
    assert!(reason(&fetcher, "https://1.2.3.4/").await.contains("not public"));
}

#[tokio::test]
async fn a_name_that_is_excepted_over_plain_http_must_lead_to_loopback() {
    let remote = Remote::answering(GOOD).await;
    let here = format!("localhost:{}", remote.address.port());
    let allow = vec![exception(&here), exception("1.2.3.4:80")];
    let fetcher = Fetcher::new(FetchSettings { allow, ..FetchSettings::default() }).unwrap();
    fetcher.get(json(&format!("http://{here}/"))).await.unwrap();
    assert!(reason(&fetcher, "http://1.2.3.4/").await.contains("not public"));
}

// proves: FETCH-03
#[test]
fn special_purpose_addresses_are_not_public() {
    for special in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(special.parse().unwrap()), "{special}");
    }
    for public in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "128.0.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2001:200::1",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

// proves: FETCH-04
#[tokio::test]
async fn a_document_that_is_too_large_is_refused_at_the_cap() {
    let chunk = format!("40\r\n{}\r\n", "a".repeat(64));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(10_000));
    let just_right = format!("{head}Content-Length: 100\r\n\r\n{}", "a".repeat(100));
    let too_long = format!("{head}Content-Length: 101\r\n\r\n{}", "a".repeat(101));
    assert!(fetched(&Remote::answering(&just_right).await).await.is_ok());
    for answer in [endless, too_long] {
        let remote = Remote::answering(&answer).await;
        assert!(reason(&reaching(&remote), &remote.url()).await.contains("too large"));
    }
}

// proves: FETCH-04
#[tokio::test]
async fn a_slow_document_is_given_up_at_the_total_time() {
    let trickle = GOOD.bytes().map(|byte| (Duration::from_millis(100), vec![byte])).collect();
    let remote = Remote::start(trickle).await;
    let began = Instant::now();
    let fetch = Fetch { timeout: Duration::from_millis(300), ..json("") };
    reaching(&remote).get(Fetch { url: &remote.url(), ..fetch }).await.unwrap_err();
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(3), "{waited:?}");
}

// proves: FETCH-04
#[tokio::test]
async fn another_media_type_and_packed_bytes_are_refused() {
    for (from, to) in [
        ("application/JSON", "text/html"),
        ("Content-Type: application/JSON; charset=utf-8\r\n", ""),
        ("Content-Length", "Content-Encoding: gzip\r\nContent-Length"),
        ("200 OK", "203 Transformed"),
        ("200 OK", "500 Oh"),
    ] {
        assert!(fetched(&Remote::answering(&GOOD.replace(from, to)).await).await.is_err(), "{to}");
    }
}

// proves: FETCH-05
#[tokio::test]
async fn failures_look_alike_in_text_and_in_time() {
    let refused = format!("http://{}/", { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() });
    let error = Remote::answering("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").await;
    let garbage = Remote::answering("SSH-2.0-OpenSSH\r\n").await;
    let silent = Remote::start(vec![(Duration::from_mins(1), vec![])]).await;
    let urls = [refused, error.url(), garbage.url(), silent.url()];
    let allow = urls.iter().map(|url| exception(url.split('/').nth(2).unwrap())).collect();
    let fetcher = Fetcher::new(FetchSettings { allow, ..FetchSettings::default() }).unwrap();
    for url in &urls {
        let began = Instant::now();
        let fetch = Fetch { named_by: NamedBy::Outsider, timeout: Duration::from_millis(400), ..json(url) };
        let fault = fetcher.get(fetch).await.unwrap_err();
        assert_eq!(fault.to_string(), "the remote document could not be fetched");
        assert!(std::error::Error::source(&fault).is_none());
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(395) && waited < Duration::from_secs(3), "{waited:?} for {url}");
    }
}

#[tokio::test]
async fn the_log_knows_more_but_no_secret() {
    let (log, _guard) = Log::begin(LogFormat::Human);
    let address = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let fetcher = Fetcher::new(FetchSettings { allow: vec![exception(&address)], ..FetchSettings::default() }).unwrap();
    assert!(log.text().contains("WARN outbound requests to this host and port are allowed"), "{}", log.text());
    let bearer = Secret::new("canary-token");
    let url = format!("http://{address}/canary-path?canary-query");
    fetcher.get(Fetch { bearer: Some(&bearer), ..json(&url) }).await.unwrap_err();
    let text = log.text();
    assert!(text.contains("refused") && text.contains("127.0.0.1"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

// proves: FETCH-06
#[tokio::test]
async fn a_host_is_asked_a_few_times_at_once_and_no_faster_than_allowed() {
    let remote = Remote::start(vec![(Duration::from_millis(100), GOOD.into())]).await;
    let outsider = Allowance { total: 10, per_host: 2, burst: 4, per_second: 1 };
    let allow = vec![exception(&remote.address)];
    let fetcher = Fetcher::new(FetchSettings { allow, outsider, ..FetchSettings::default() }).unwrap();
    let url = remote.url();
    let one = || fetcher.get(Fetch { named_by: NamedBy::Outsider, timeout: Duration::from_millis(1500), ..json(&url) });
    let answers: [_; 5] = tokio::join!(one(), one(), one(), one(), one()).into();
    assert_eq!(answers.map(|answer| answer.is_ok()), [true, true, true, true, false]);
    assert_eq!((remote.visits(), remote.most_at_once.load(Ordering::SeqCst)), (4, 2));
    sleep(Duration::from_millis(1100)).await;
    assert!(one().await.is_ok(), "the budget fills up again");
}

// proves: FETCH-06
#[tokio::test]
async fn all_hosts_together_are_asked_a_few_times_at_once() {
    let silent = Remote::start(vec![(Duration::from_mins(1), vec![])]).await;
    let good = Remote::answering(GOOD).await;
    let operator = Allowance { total: 1, per_host: 9, burst: 10, per_second: 10 };
    let allow = vec![exception(&silent.address), exception(&good.address)];
    let fetcher = Fetcher::new(FetchSettings { allow, operator, ..FetchSettings::default() }).unwrap();
    let (slow, fast) = (silent.url(), good.url());
    let quickly = |url| Fetch { timeout: Duration::from_millis(300), ..json(url) };
    let (_, behind) = tokio::join!(fetcher.get(quickly(&slow)), fetcher.get(quickly(&fast)));
    assert_eq!((behind.is_err(), good.visits()), (true, 0));
    fetcher.get(quickly(&fast)).await.unwrap();
}

#[tokio::test]
async fn an_extra_ca_is_trusted_and_no_other() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(GOOD.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let url = format!("https://{here}/");
    let with = |extra_ca_pem| {
        let allow = vec![exception(&here)];
        Fetcher::new(FetchSettings { allow, extra_ca_pem, ..FetchSettings::default() })
    };
    with(Some(made.cert.pem().into_bytes())).unwrap().get(json(&url)).await.unwrap();
    with(None).unwrap().get(json(&url)).await.unwrap_err();
    assert!(with(Some(b"no certificate".to_vec())).is_err());
}

#[test]
fn an_exception_is_one_host_and_one_port() {
    for bad in [
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:+1",
        "localhost:99999",
        "*.example:1",
        "10.0.0.0/8:1",
        ":1",
    ] {
        assert!(bad.parse::<HostPort>().is_err(), "{bad}");
    }
    assert_eq!("LocalHost:81".parse::<HostPort>(), "localhost:81".parse());
    assert_eq!("[::1]:81".parse::<HostPort>().unwrap().to_string(), "[::1]:81");
}
