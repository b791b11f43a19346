//! How a server ends: as a test wants it, and with the process that started it.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use grantd_postgres_fixture::{Isolation, Options, Server};

use crate::connecting::{asked, connect};

#[tokio::test]
async fn a_server_that_was_stopped_or_killed_starts_again_with_what_was_committed() {
    let server = Server::start(&Options::default());
    let schema = server.schema(Isolation::ReadCommitted);
    let client = connect(&schema.url()).await;
    client.batch_execute("CREATE TABLE things (id TEXT); INSERT INTO things VALUES ('a')").await.unwrap();
    for end in [Server::stop, Server::kill] {
        end(&server);
        assert!(TcpStream::connect(server.address()).is_err());
        server.start_again();
        assert_eq!(asked(&connect(&schema.url()).await, "SELECT count(*)::text FROM things").await, "1");
    }
    let client = connect(&schema.url()).await;
    assert!(server.terminate_connections() >= 1);
    let fault = client.query("SELECT 1", &[]).await.unwrap_err();
    assert!(client.is_closed() || fault.code().is_some_and(|state| state.code() == "57P01"), "{fault:?}");
}

/// Not a test: what the next one kills. Prints where its server is, and waits.
#[test]
#[ignore = "is killed by another"]
fn a_process_with_a_server() {
    let server = Server::start(&Options::default());
    let directory = server.execute("SHOW unix_socket_directories").pop().unwrap().pop().unwrap().unwrap();
    println!("\n{} {directory}", server.address());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_server_and_its_directory_are_gone_when_the_process_that_started_it_was_killed() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "ending::a_process_with_a_server"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.find(|line| line.starts_with("127.0.0.1:")).unwrap();
    let (address, directory) = told.split_once(' ').unwrap();
    assert!(TcpStream::connect(address).is_ok() && Path::new(directory).exists());
    process.kill().unwrap();
    process.wait().unwrap();
    for _ in 0..1_000 {
        if TcpStream::connect(address).is_err() && !Path::new(directory).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("still there: {told}");
}
