use std::net::SocketAddr;
use std::time::Duration;

use bench::driver::form::Form;
use bench::driver::{Connection, Request, Span, drive};
use bench::visitors::Repeating;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that gives each connection these bytes for each request.
async fn saying(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                for answer in answers.iter().cycle() {
                    if stream.read(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                    // In two pieces, as networks do.
                    let (head, rest) = answer.split_at(answer.len() / 2);
                    stream.write_all(head.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    stream.write_all(rest.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

const TOKENS: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 43\r\n\r\n\
                      {\"access_token\":\"ey.a\",\"refresh_token\":\"r\"}";
const REDIRECT: &str = "HTTP/1.1 303 See Other\r\nLocation: https://app/cb?state=s&code=c1&iss=i\r\n\
                        Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn answers_are_read_whole_one_after_the_other_on_one_connection() {
    let mut connection = Connection::open(saying(&[TOKENS, REDIRECT]).await).await.unwrap();
    let request = Request::get("host", "/").into_bytes();
    let answer = connection.ask(&request).await.unwrap();
    assert_eq!((answer.status, answer.member("access_token"), answer.member("token")), (200, Some("ey.a"), None));
    let answer = connection.ask(&request).await.unwrap();
    assert_eq!((answer.status, answer.body, answer.redirect_parameter("code")), (303, "", Some("c1")));
    assert_eq!(answer.headers("set-cookie").collect::<Vec<_>>(), ["a=1; Path=/", "b=2"]);
    assert_eq!(connection.ask(&request).await.unwrap().member("refresh_token"), Some("r"));
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault_and_never_a_wait_without_end() {
    for broken in ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HELLO\r\n\r\n"] {
        let broken: &'static [&'static str] = Box::leak(Box::new([broken]));
        let mut connection = Connection::open(saying(broken).await).await.unwrap();
        connection.ask(&Request::get("host", "/").into_bytes()).await.unwrap_err();
    }
}

#[tokio::test]
async fn only_answers_as_expected_count_and_the_first_wrong_one_is_told() {
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 26\r\n\r\n{\"error\":\"invalid_client\"}";
    let answers: &'static [&'static str] = Box::leak(Box::new([TOKENS, refused]));
    let address = saying(answers).await;
    let visitors = vec![Repeating::new(Request::get("host", "/"), "\"access_token\":\"ey"); 2];
    let span = Span::Lasting { warm_up: Duration::ZERO, counted: Duration::from_secs(30) };
    // Everybody gives up long before: every second answer is wrong.
    let driving = drive(address, visitors, span, || Ok(Duration::ZERO));
    let (load, back) = tokio::time::timeout(Duration::from_secs(40), driving).await.unwrap().unwrap();
    assert_eq!(back.len(), 2);
    assert_eq!(load.wrong, 40);
    assert!(load.first_wrong.unwrap().contains("invalid_client"));
    assert!(load.answered >= 38 && load.latencies.len() as u64 == load.answered);
    assert!(load.latencies.is_sorted());
}

#[test]
fn a_post_says_how_long_its_form_is_and_a_get_has_none() {
    let post = Request::post("host", "/token", &[("a b", "c&d")]).basic("id", "se cret").into_bytes();
    let post = String::from_utf8(post).unwrap();
    assert!(post.starts_with("POST /token HTTP/1.1\r\nHost: host\r\n"), "{post}");
    assert!(post.contains("\r\nAuthorization: Basic aWQ6c2UlMjBjcmV0\r\n"), "{post}");
    assert!(post.ends_with("\r\nContent-Length: 11\r\n\r\na%20b=c%26d"), "{post}");
    let get = String::from_utf8(Request::get("host", "/").into_bytes()).unwrap();
    assert_eq!(get, "GET / HTTP/1.1\r\nHost: host\r\n\r\n");
}

#[test]
fn a_form_is_sent_back_as_the_page_has_it_with_what_was_typed() {
    let page = r#"<form method="post" action="/other" id="other"></form><form method="post" action="/login" id="login">
        <input type="hidden" id="csrf" name="csrf" value="a&#38;b"><input type="text" id="username" name="username" value="">
        <button name="decision" value="deny"></form><input name="outside" value="x">"#;
    let form = Form::of(page, "login").unwrap().with("username", "ann");
    assert_eq!((form.action.as_str(), form.fields()), ("/login", vec![("csrf", "a&b"), ("username", "ann")]));
    assert!(Form::of(page, "consent").is_none());
}
