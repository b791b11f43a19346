//! One server: how it is made, ended and found.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::administrator::Administrator;
use crate::files::{Programs, make_directory, write};
use crate::schema::{Isolation, Schema};
use crate::supervisor::Supervisor;

/// How a server is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether connections are encrypted; others are refused then. See [`Server::certificate`].
    pub tls: bool,
    /// The password (SCRAM-SHA-256) of the user of every [`Schema::url`]; without one there is none. Of letters and digits.
    pub password: Option<&'static str>,
    /// Whether a commit waits for the disk. Without, it still outlives every end of the server but that of the machine.
    pub durable: bool,
    /// Further settings, as in `postgresql.conf`.
    pub settings: Vec<(&'static str, String)>,
}

/// A running PostgreSQL server. Ends, with its directory, when this is dropped or the process is gone.
#[derive(Debug)]
pub struct Server {
    supervisor: Supervisor,
    administrator: Administrator,
    address: SocketAddr,
    certificate: Option<String>,
    password: Option<&'static str>,
}

/// More than any test needs at once; each of them opens a handful.
const CONNECTIONS: u32 = 200;
const A_MOMENT: Duration = Duration::from_millis(20);

impl Server {
    /// The server that all the tests of this process share. Made when it is first asked for: in about a second.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Options::default()))
    }

    /// A server for one test alone, which may end it.
    pub fn start(options: &Options) -> Self {
        let programs = Programs::find();
        let directory = make_directory();
        let data = data_of(&directory);
        let how = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
        programs.run("initdb", &[&["-D", &data], how.as_slice()].concat());
        let certificate = options.tls.then(|| put_certificate(&data));
        write(&format!("{data}/pg_hba.conf"), &admitted(options));
        let server = Self::start_in(&programs, &directory, options, certificate);
        server.make_databases();
        server
    }

    /// A second server that follows this one. From here on no commit of this one is acknowledged before that one has it on its disk.
    #[must_use]
    pub fn start_synchronous_standby(&self) -> Self {
        let programs = Programs::find();
        let directory = make_directory();
        let data = data_of(&directory);
        let (socket, port) = (self.supervisor.directory(), self.address.port().to_string());
        let from = ["-h", socket, "-p", &port, "-U", "postgres", "-D", &data];
        let how = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"];
        programs.run("pg_basebackup", &[from.as_slice(), how.as_slice()].concat());
        let standby = Self::start_in(&programs, &directory, &Options::default(), self.certificate.clone());
        let standby = Self { password: self.password, ..standby };
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.execute("SELECT pg_reload_conf()");
        self.wait_until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1");
        standby
    }

    fn start_in(programs: &Programs, directory: &str, options: &Options, certificate: Option<String>) -> Self {
        let supervisor = Supervisor::start(programs, directory);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port_to_itself()));
        let settings = settings(options, directory, address, certificate.is_some());
        write(&format!("{}/postgresql.conf", data_of(directory)), &settings);
        let administrator = Administrator::at(directory, address.port());
        let server = Self { supervisor, administrator, address, certificate, password: options.password };
        server.start_again();
        server
    }

    // Who may connect to them is told in `admitted`.
    fn make_databases(&self) {
        self.execute("CREATE ROLE grantd LOGIN");
        if let Some(password) = self.password {
            self.execute(&format!("ALTER ROLE grantd PASSWORD '{password}'"));
        }
        for isolation in Isolation::ALL {
            let database = isolation.database();
            self.execute(&format!("CREATE DATABASE {database}"));
            let name = isolation.name();
            self.execute(&format!("ALTER DATABASE {database} SET default_transaction_isolation = '{name}'"));
        }
    }

    /// An empty schema for one test alone, whose transactions are isolated like this where they do not say otherwise.
    pub fn schema(&self, isolation: Isolation) -> Schema {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = isolation.database();
        self.administrator.run(database, &format!("CREATE SCHEMA {name} AUTHORIZATION grantd"));
        Schema { name, database, address: self.address, password: self.password }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate (PEM) by which clients know it, made out to `localhost` and its address, if connections are encrypted.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Runs statements as the database's superuser, and returns the rows of the last that has any, as text.
    pub fn execute(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.administrator.run("postgres", sql)
    }

    /// As [`Server::execute`], where a schema of this isolation lies.
    pub fn execute_in(&self, schema: &Schema, sql: &str) -> Vec<Vec<Option<String>>> {
        self.administrator.run(schema.database, &format!("SET search_path = {}; {sql}", schema.name))
    }

    /// Every row of every table of the schema that is addressed like this, as text.
    pub fn rows_at(&self, url: &str) -> Vec<String> {
        let (database, schema) = Schema::parts_of(url);
        let tables = format!("SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'");
        let tables = self.administrator.run(database, &tables).into_iter().flatten().flatten();
        let rows = tables.flat_map(|table| {
            self.administrator.run(database, &format!("SELECT kept::text FROM {schema}.{table} kept"))
        });
        rows.flatten().flatten().collect()
    }

    /// Waits until a query's first value is this.
    pub fn wait_until(&self, sql: &str, expected: &str) {
        for _ in 0..3_000 {
            if self.execute(sql).first().and_then(|row| row.first()?.as_deref()) == Some(expected) {
                return;
            }
            sleep(A_MOMENT);
        }
        panic!("never {expected}: {sql}\n{}", self.log());
    }

    /// Ends every connection but those of the administrator: 57P01. Returns how many there were.
    pub fn terminate_connections(&self) -> usize {
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'grantd'").len()
    }

    /// Ends it as an operator would, with every connection: 57P01. Returns when it is down.
    pub fn stop(&self) {
        self.supervisor.order("INT");
    }

    /// Ends it by SIGKILL, its connections with it. Returns when it is down.
    pub fn kill(&self) {
        self.supervisor.order("KILL");
    }

    /// Starts it again after its end, on the same port. Returns when it answers.
    pub fn start_again(&self) {
        self.supervisor.order("start");
        for _ in 0..3_000 {
            if self.administrator.is_answered() {
                return;
            }
            sleep(A_MOMENT);
        }
        panic!("PostgreSQL does not start:\n{}", self.log());
    }

    /// Makes a standby the primary. Returns when it takes writes.
    pub fn promote(&self) {
        self.execute("SELECT pg_promote()");
        self.wait_until("SELECT pg_is_in_recovery()", "f");
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.supervisor.log()
    }
}

fn settings(options: &Options, directory: &str, address: SocketAddr, tls: bool) -> String {
    let on = |yes: bool| if yes { "on" } else { "off" }.to_owned();
    let ours = [
        ("listen_addresses", address.ip().to_string()),
        ("port", address.port().to_string()),
        ("unix_socket_directories", directory.to_owned()),
        ("max_connections", CONNECTIONS.to_string()),
        ("shared_buffers", "32MB".to_owned()),
        ("fsync", on(options.durable)),
        ("ssl", on(tls)),
        ("log_line_prefix", "%m %p %a ".to_owned()),
    ];
    let lines: Vec<String> =
        ours.iter().chain(&options.settings).map(|(name, value)| format!("{name} = '{value}'")).collect();
    lines.join("\n")
}

/// The administrator and standbys by the socket, without a password; everybody else by TCP, as the options have it.
fn admitted(options: &Options) -> String {
    let how = if options.tls { "hostssl" } else { "host" };
    let method = if options.password.is_some() { "scram-sha-256" } else { "trust" };
    format!("local all all trust\nlocal replication all trust\n{how} all grantd 127.0.0.1/32 {method}\n")
}

fn put_certificate(data: &str) -> String {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    write(&format!("{data}/server.crt"), &made.cert.pem());
    write(&format!("{data}/server.key"), &made.signing_key.serialize_pem());
    made.cert.pem()
}

fn data_of(directory: &str) -> String {
    format!("{directory}/data")
}

/// A port that stays free until the server takes it, also after it was ended: none that the system gives to whoever asks for any,
/// and none that another test of this process was given.
fn port_to_itself() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_this_process = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 10_000 + (of_this_process + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
