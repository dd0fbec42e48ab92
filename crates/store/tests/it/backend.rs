//! A fresh database for each case.

use frontdesk_store::{Error, PostgresSettings, SqliteMode, SqliteSettings, Store};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A way to run the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SqliteThreaded,
    SqliteInThread,
    Postgres,
}

/// A folder that goes with its last owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

impl Folder {
    pub(crate) fn new() -> Self {
        let nth = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("frontdesk-store-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Where a database lies.
#[derive(Clone, Debug)]
enum Place {
    File(Arc<Folder>),
    Server { admin: String, name: String },
}

/// An open store, and a way past it.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) store: Store,
    pub(crate) kind: Kind,
    place: Place,
}

/// The server to test on; `None` when it was left out on purpose.
#[expect(clippy::disallowed_methods, reason = "the one thing that a test learns from its environment")]
pub(crate) fn server() -> Option<String> {
    match std::env::var("FRONTDESK_TEST_POSTGRES") {
        Ok(word) if word == "off" => None,
        Ok(url) => Some(url),
        Err(error) => panic!(
            "FRONTDESK_TEST_POSTGRES cannot be read ({error}): use the test command in README.md (`cargo xtask test`), which starts a PostgreSQL server, \
             or set it to `off` to test on SQLite alone"
        ),
    }
}

pub(crate) fn sqlite_settings(folder: &Path, mode: SqliteMode) -> SqliteSettings {
    SqliteSettings { path: folder.join("frontdesk.db"), mode, now: crate::sample::at(0) }
}

/// The same server, another database. A later parameter wins over the path of the URL.
fn database(url: &str, name: &str) -> String {
    format!("{url}{}dbname={name}", if url.contains('?') { '&' } else { '?' })
}

/// A plain connection.
#[expect(clippy::disallowed_methods, reason = "the driver's own task; the store under test spawns its own")]
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Place {
    async fn open(&self, kind: Kind) -> Result<Store, Error> {
        match self {
            Self::File(folder) => {
                let mode = match kind {
                    Kind::SqliteInThread => SqliteMode::InThread { vfs: None },
                    Kind::SqliteThreaded | Kind::Postgres => SqliteMode::Threaded,
                };
                Store::open_sqlite(&sqlite_settings(folder.path(), mode))
            }
            Self::Server { admin, name } => {
                let url = database(admin, name);
                let settings =
                    PostgresSettings { url, tls: None, connections_max: 6, now: crate::sample::at(0) };
                Store::open_postgres(settings).await
            }
        }
    }
}

impl Backend {
    /// Opens a fresh store; `None` when its engine was left out on purpose.
    async fn fresh(kind: Kind) -> Option<Self> {
        let place = match kind {
            Kind::SqliteThreaded | Kind::SqliteInThread => Place::File(Arc::new(Folder::new())),
            Kind::Postgres => {
                let Some(admin) = server() else {
                    println!("left out: FRONTDESK_TEST_POSTGRES=off, so this ran on SQLite alone");
                    return None;
                };
                let name =
                    format!("frontdesk_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
                connect(&admin).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
                Place::Server { admin, name }
            }
        };
        Some(Self { store: place.open(kind).await.unwrap(), kind, place })
    }

    /// Runs a case on a fresh store.
    pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, case: impl FnOnce(Self) -> F) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(backend) = Self::fresh(kind).await else { return };
            let place = backend.place.clone();
            case(backend).await;
            if let Place::Server { admin, name } = place {
                let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                connect(&admin).await.batch_execute(&drop).await.unwrap();
            }
        });
    }

    /// Another store on the same database, as another node would have it.
    pub(crate) async fn another_node(&self) -> Store {
        self.another_node_or_refusal().await.unwrap()
    }

    /// The same, where it may be refused.
    pub(crate) async fn another_node_or_refusal(&self) -> Result<Store, Error> {
        self.place.open(self.kind).await
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        let Self { store, kind, place } = self;
        drop(store);
        Self { store: place.open(kind).await.unwrap(), kind, place }
    }

    /// Runs SQL behind the store's back.
    pub(crate) async fn behind_its_back(&self, sql: &str) {
        match &self.place {
            Place::File(folder) => {
                let path = folder.path().join("frontdesk.db");
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
            Place::Server { admin, name } => {
                connect(&database(admin, name)).await.batch_execute(sql).await.unwrap();
            }
        }
    }

    /// The rows of a query behind the store's back, each as one line of words.
    pub(crate) async fn lines(&self, sql: &str) -> Vec<String> {
        match &self.place {
            Place::File(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("frontdesk.db")).unwrap();
                let mut statement = connection.prepare(sql).unwrap();
                let width = statement.column_count();
                let rows = statement.query_map([], |row| {
                    let words = (0..width).map(|index| row.get::<_, rusqlite::types::Value>(index));
                    let words = words.collect::<Result<Vec<_>, _>>()?.into_iter().map(|value| match value {
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => format!("{other:?}"),
                    });
                    Ok(words.collect::<Vec<_>>().join(" "))
                });
                rows.unwrap().map(Result::unwrap).collect()
            }
            Place::Server { admin, name } => {
                let messages = connect(&database(admin, name)).await.simple_query(sql).await.unwrap();
                let rows = messages.into_iter().filter_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                rows.map(|row| {
                    (0..row.len())
                        .map(|index| row.get(index).unwrap_or("Null").to_owned())
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect()
            }
        }
    }
}
