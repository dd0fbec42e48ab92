//! Where a Frontdesk in a test keeps what it knows.

use std::sync::atomic::{AtomicU32, Ordering};

/// An engine of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file beside the configuration.
    Sqlite,
    /// A fresh database on the server that `FRONTDESK_TEST_POSTGRES` names.
    Postgres,
}

/// A database of its own.
pub(super) enum Database {
    File,
    Server { admin: String, name: String },
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The server to test on; `None` when it was left out on purpose.
#[expect(clippy::disallowed_methods, reason = "the one thing that a test learns from its environment")]
fn server() -> Option<String> {
    match std::env::var("FRONTDESK_TEST_POSTGRES") {
        Ok(word) if word == "off" => None,
        Ok(url) => Some(url),
        Err(error) => panic!(
            "FRONTDESK_TEST_POSTGRES cannot be read ({error}): use the test command in README.md (`cargo xtask test`), \
             which starts a PostgreSQL server, or set it to `off` to test on SQLite alone"
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "the driver's own task; what is under test spawns its own")]
async fn run(admin: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(admin, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}

impl Database {
    /// A fresh one; `None` when its engine was left out on purpose.
    pub(super) async fn make(backend: Backend) -> Option<Self> {
        if backend == Backend::Sqlite {
            return Some(Self::File);
        }
        let Some(admin) = server() else {
            println!("left out: FRONTDESK_TEST_POSTGRES=off, so this ran on SQLite alone");
            return None;
        };
        let nth = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("frontdesk_town_{}_{nth}", std::process::id());
        run(&admin, &format!("CREATE DATABASE {name}")).await;
        Some(Self::Server { admin, name })
    }

    /// What `store.url` says.
    pub(super) fn url(&self) -> String {
        match self {
            Self::File => "sqlite:frontdesk.db".to_owned(),
            // A later parameter wins over the path of the URL.
            Self::Server { admin, name } => {
                format!("{admin}{}dbname={name}", if admin.contains('?') { '&' } else { '?' })
            }
        }
    }

    /// Gives it back. A file goes with its folder.
    pub(super) async fn remove(&self) {
        if let Self::Server { admin, name } = self {
            run(admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}
