//! The connections of the database's superuser, by the socket in the server's directory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

type Rows = Vec<Vec<Option<String>>>;

/// What to run where, and whom to tell.
struct Errand {
    database: String,
    sql: String,
    done: Sender<Result<Rows, String>>,
}

/// A thread of its own, so that tests may ask within a runtime and without.
#[derive(Debug)]
pub(crate) struct Administrator {
    errands: Mutex<Sender<Errand>>,
}

impl Administrator {
    pub(crate) fn at(directory: &str, port: u16) -> Self {
        let (errands, to_do) = channel();
        let mut config = Config::new();
        config.host(directory).port(port).user("postgres");
        std::thread::spawn(move || serve(&config, &to_do));
        Self { errands: Mutex::new(errands) }
    }

    /// Runs statements, and returns the rows of all.
    pub(crate) fn run(&self, database: &str, sql: &str) -> Rows {
        self.ask(database, sql).unwrap_or_else(|fault| panic!("{fault}: {sql}"))
    }

    /// Whether the server answers.
    pub(crate) fn is_answered(&self) -> bool {
        self.ask("postgres", "SELECT 1").is_ok()
    }

    fn ask(&self, database: &str, sql: &str) -> Result<Rows, String> {
        let (done, answer) = channel();
        let errand = Errand { database: database.to_owned(), sql: sql.to_owned(), done };
        self.errands.lock().unwrap().send(errand).unwrap();
        answer.recv().unwrap()
    }
}

fn serve(config: &Config, to_do: &Receiver<Errand>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut clients: HashMap<String, Client> = HashMap::new();
    while let Ok(Errand { database, sql, done }) = to_do.recv() {
        let answer = connected(&runtime, config, &mut clients, &database)
            .and_then(|client| runtime.block_on(client.simple_query(&sql)))
            .map(|messages| messages.iter().filter_map(row).collect());
        let _ = done.send(answer.map_err(|fault| format!("{fault:?}")));
    }
}

/// The connection to a database: that of before, if the server was not ended meanwhile.
fn connected<'a>(
    runtime: &Runtime,
    config: &Config,
    clients: &'a mut HashMap<String, Client>,
    database: &str,
) -> Result<&'a Client, tokio_postgres::Error> {
    // The connection's end is noticed while the runtime runs.
    runtime.block_on(tokio::task::yield_now());
    clients.retain(|_, client| !client.is_closed());
    if !clients.contains_key(database) {
        let (client, connection) = runtime.block_on(config.clone().dbname(database).connect(NoTls))?;
        runtime.spawn(connection);
        clients.insert(database.to_owned(), client);
    }
    Ok(clients.get(database).unwrap())
}

fn row(message: &SimpleQueryMessage) -> Option<Vec<Option<String>>> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
}
