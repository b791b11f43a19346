use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantd_demo::DemoFault;
use tokio::time::timeout;
use url::Url;

use crate::authorization_server::authorization_server;
use crate::parameter;

/// A test that waits longer has failed.
const LONG: Duration = Duration::from_secs(10);

/// Nobody is at the keyboard.
const NOBODY: &[u8] = b"";

/// What the app prints, as a terminal would see it.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Terminal {
    async fn address(&self) -> Url {
        // Five seconds, then it is not coming.
        for _ in 0..1000 {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            if let Some(line) = text.lines().find(|line| line.trim().starts_with("http")) {
                return Url::parse(line.trim()).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the app printed no address");
    }
}

fn door_of(redirect_uri: &str) -> SocketAddr {
    let url = Url::parse(redirect_uri).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap()
}

// proves: NATIVE-06
#[tokio::test]
async fn the_loopback_app_takes_one_answer_on_a_fresh_port_of_this_machine_and_closes_it() {
    let (issuer, asked) = authorization_server().await;
    let mut doors = Vec::new();
    for _ in 0..2 {
        let terminal = Terminal::default();
        let (mut out, of) = (terminal.clone(), issuer.clone());
        let app =
            tokio::spawn(
                async move { grantd_demo::native::run(&of, "http://127.0.0.1:9/boxes", NOBODY, &mut out).await },
            );
        let address = terminal.address().await;
        let redirect_uri = parameter(&address, "redirect_uri");
        let door = door_of(&redirect_uri);
        assert_eq!(door.ip(), Ipv4Addr::LOCALHOST);
        assert!(TcpStream::connect_timeout(&door, Duration::from_secs(1)).is_ok());
        assert!(!listens_beyond_127_0_0_1(door));

        let state = parameter(&address, "state");
        let answer = format!("{redirect_uri}?code=abc&state={state}&iss={issuer}");
        assert!(reqwest::get(&answer).await.unwrap().status().is_success());
        let ended = timeout(LONG, app).await.unwrap().unwrap();
        assert!(matches!(ended, Err(DemoFault::TokenRefused(ref why)) if why == "invalid_grant"), "{ended:?}");
        assert!(TcpStream::connect_timeout(&door, Duration::from_secs(1)).is_err());
        doors.push(door);
    }
    assert_ne!(doors[0], doors[1]);
    let asked = asked.requests();
    assert!(asked.iter().all(|form| form.iter().any(|(name, value)| name == "code_verifier" && value.len() == 43)));
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn whoever_does_not_know_the_state_neither_ends_the_wait_nor_is_believed() {
    let (issuer, asked) = authorization_server().await;
    let terminal = Terminal::default();
    let (mut out, of) = (terminal.clone(), issuer.clone());
    let app =
        tokio::spawn(async move { grantd_demo::native::run(&of, "http://127.0.0.1:9/boxes", NOBODY, &mut out).await });
    let address = terminal.address().await;
    let redirect_uri = parameter(&address, "redirect_uri");
    for stranger in ["?code=evil&state=guessed", "?code=evil", "", "?error=access_denied"] {
        let page = reqwest::get(format!("{redirect_uri}{stranger}")).await.unwrap().text().await.unwrap();
        assert!(page.contains("cannot use this"), "{stranger}");
    }
    assert!(!app.is_finished());
    let denied = format!("{redirect_uri}?error=access_denied&state={}&iss={issuer}", parameter(&address, "state"));
    reqwest::get(denied).await.unwrap();
    assert!(matches!(timeout(LONG, app).await.unwrap().unwrap(), Err(DemoFault::Dropped(_))));
    assert_eq!(asked.requests().len(), 0);
}

/// Another address of the loopback network stands for "another interface": both are closed if one address is bound, open if all are.
fn listens_beyond_127_0_0_1(door: SocketAddr) -> bool {
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], door.port()));
    TcpStream::connect_timeout(&elsewhere, Duration::from_secs(1)).is_ok()
}

#[tokio::test]
async fn a_server_that_speaks_for_another_issuer_is_not_used() {
    let (issuer, _) = authorization_server().await;
    let other = issuer.replace("127.0.0.1", "localhost");
    let mut terminal = Terminal::default();
    let app = grantd_demo::native::run(&other, "http://127.0.0.1:9/boxes", NOBODY, &mut terminal);
    let ended = timeout(LONG, app).await.unwrap();
    assert!(matches!(ended, Err(DemoFault::Metadata { .. })), "{ended:?}");
}
