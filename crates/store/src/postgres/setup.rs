//! Connecting to PostgreSQL: TLS, the settings of each session, migrations.

use super::{PostgresSettings, fault};
use crate::Error;
use crate::migration::{self, SCHEMA_MIGRATION_POSTGRES};
use crate::sql::Engine;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_postgres::NoTls;
use tokio_postgres::config::{Host, SslMode};

/// How long a caller may wait for a connection, and a connection for its making.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What each session sets. `synchronous_commit` is set although it is the default: an operator's
/// `off` in the server's configuration would acknowledge what a power loss takes (I1).
const SESSION: &str = "SET synchronous_commit = on; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning; SET timezone = 'UTC'";
/// What a session sets that only reads.
///
/// Sessions that write have no such limit: it would also end the wait of a `COMMIT` for a standby,
/// which PostgreSQL then reports as success although no standby has it (I34). Their waits for
/// locks are limited all the same, and who waits for them has a deadline of its own.
const SESSION_READ: &str = "SET statement_timeout = '15s'; SET default_transaction_read_only = on";
/// Connections of the journal's writer: one, and one while the other is replaced.
const INGEST_CONNECTIONS: usize = 2;
/// What each session is asked after that.
const SESSION_CHECK: &str = "SELECT current_setting('synchronous_commit') = 'on' \
    AND current_setting('fsync') = 'on', pg_is_in_recovery()";
/// The advisory lock under which one node migrates. Any number will do, as long as it stays: these
/// are the bytes of `frntdesk`.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"frntdesk");

/// The pool said no.
pub(super) fn no_connection(error: &PoolError) -> Error {
    match error {
        PoolError::Backend(error) => fault(error, "connect").error,
        PoolError::PostCreateHook(HookError::Message(why)) => Error::Unavailable(why.to_string()),
        other => Error::Unavailable(format!("no connection to PostgreSQL: {other}")),
    }
}

/// What the sessions of a pool are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

/// The connections of one store.
pub(super) struct Pools {
    pub(super) reads: Pool,
    pub(super) decisions: Pool,
    pub(super) ingest: Pool,
}

/// Makes one session honest, or gives it up.
async fn begin_session(client: &ClientWrapper, purpose: Use) -> Result<(), HookError> {
    client.batch_execute(SESSION).await.map_err(HookError::Backend)?;
    if purpose == Use::Read {
        client.batch_execute(SESSION_READ).await.map_err(HookError::Backend)?;
    }
    let row = client.query_one(SESSION_CHECK, &[]).await.map_err(HookError::Backend)?;
    if !row.get::<_, bool>(0) {
        return Err(HookError::message("the PostgreSQL server runs with fsync or synchronous_commit off"));
    }
    if row.get::<_, bool>(1) {
        return Err(HookError::message(
            "the PostgreSQL server is a read-only standby; give the address of the primary",
        ));
    }
    Ok(())
}

/// How long a server may leave what it was sent unacknowledged, and how long a connection may be silent before it is
/// asked whether it is still there. A server that went without a word, as behind a cut network, would otherwise hold the
/// journal's one writer until the operating system gives up, which takes a quarter of an hour.
const GONE_AFTER: Duration = Duration::from_secs(15);

/// How to reach the server, by the operator's word where the URL has one.
fn reached_by(url: &str) -> Result<tokio_postgres::Config, Error> {
    // The parser's own words may quote the URL, and with it the password.
    let mut config: tokio_postgres::Config =
        url.parse().map_err(|_| Error::Refused("the PostgreSQL URL cannot be read".to_owned()))?;
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(GONE_AFTER);
    }
    if !url.contains("keepalives_idle=") {
        config.keepalives_idle(GONE_AFTER);
    }
    Ok(config)
}

/// Whether the server may be spoken to without TLS: over a socket of this machine, or because the operator says so. The
/// protocol's own default, TLS where it can be had, would send the password in the clear from a machine that has no
/// certificates to verify with.
fn may_be_in_the_clear(config: &tokio_postgres::Config) -> bool {
    let is_socket = |host: &Host| matches!(host, Host::Unix(_));
    config.get_ssl_mode() == SslMode::Disable || config.get_hosts().iter().all(is_socket)
}

/// A pool that makes its connections when they are first needed.
fn pool(settings: &PostgresSettings, size: usize, purpose: Use) -> Result<Pool, Error> {
    let config = reached_by(&settings.url)?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &settings.tls {
        Some(tls) => Manager::from_config(
            config,
            tokio_postgres_rustls::MakeRustlsConnect::new(tls.clone()),
            recycling,
        ),
        None if !may_be_in_the_clear(&config) => return Err(Error::InTheClear),
        None => Manager::from_config(config, NoTls, recycling),
    };
    Pool::builder(manager)
        .max_size(size.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT_WITHIN))
        .create_timeout(Some(CONNECT_WITHIN))
        .recycle_timeout(Some(CONNECT_WITHIN))
        .post_create(Hook::async_fn(move |client, _| Box::pin(begin_session(client, purpose))))
        .build()
        .map_err(|error| Error::Refused(format!("the pool of connections cannot be made: {error}")))
}

/// Connects, checks and migrates.
pub(super) async fn connect(settings: PostgresSettings) -> Result<Pools, Error> {
    let pools = Pools {
        reads: pool(&settings, settings.connections_max, Use::Read)?,
        decisions: pool(&settings, settings.connections_max, Use::Write)?,
        ingest: pool(&settings, INGEST_CONNECTIONS, Use::Write)?,
    };
    match migrate(&pools.decisions, settings.now).await {
        Ok(()) => Ok(pools),
        Err(Error::Unavailable(why)) => Err(Error::Refused(why)),
        Err(other) => Err(other),
    }
}

async fn migrate(pool: &Pool, now: Timestamp) -> Result<(), Error> {
    let failed = |error: tokio_postgres::Error| match fault(&error, "migrate").error {
        Error::Sql { message, .. } => Error::Refused(message),
        other => other,
    };
    let mut client = pool.get().await.map_err(|error| no_connection(&error))?;
    loop {
        // One migration a transaction, each under the lock: nodes that start together take turns,
        // and each looks again at what is left.
        let transaction = client.transaction().await.map_err(failed)?;
        transaction
            .query_one("SELECT 1 FROM pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])
            .await
            .map_err(failed)?;
        transaction.batch_execute(SCHEMA_MIGRATION_POSTGRES).await.map_err(failed)?;
        let rows =
            transaction.query("SELECT version, sha256 FROM schema_migration", &[]).await.map_err(failed)?;
        let done: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let missing = migration::missing(&done, Engine::Postgres)?;
        let Some(next) = missing.first() else { return transaction.commit().await.map_err(failed) };
        transaction.batch_execute(next.text(Engine::Postgres)).await.map_err(failed)?;
        let sha256 = next.sha256(Engine::Postgres);
        transaction
            .execute(
                "INSERT INTO schema_migration (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
                &[&next.version, &next.name, &sha256, &now.as_microsecond()],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        tracing::info!(migration = next.name, "the schema is migrated");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_and_the_operators_word_let_it_be_spoken_to_in_the_clear() {
        for (url, may) in [
            ("postgres://ada:hunter2@db/frontdesk", false),
            ("postgres://ada:hunter2@127.0.0.1/frontdesk", false),
            ("postgres://ada:hunter2@db/frontdesk?sslmode=prefer", false),
            ("postgres://ada:hunter2@db/frontdesk?sslmode=require", false),
            ("postgres://ada:hunter2@db/frontdesk?sslmode=disable", true),
            ("postgres:///frontdesk?host=/run/postgresql", true),
            ("postgres://ada:hunter2@db/frontdesk?host=/run/postgresql", false),
        ] {
            assert_eq!(may_be_in_the_clear(&reached_by(url).unwrap()), may, "{url}");
            let settings = PostgresSettings {
                url: url.to_owned(),
                tls: None,
                connections_max: 1,
                now: Timestamp::UNIX_EPOCH,
            };
            let refused = pool(&settings, 1, Use::Write);
            assert_eq!(matches!(refused, Err(Error::InTheClear)), !may, "{url}");
        }
    }

    #[test]
    fn a_server_that_went_without_a_word_is_noticed() {
        let config = reached_by("postgres://frontdesk@db/frontdesk").unwrap();
        assert_eq!(config.get_tcp_user_timeout(), Some(&GONE_AFTER));
        assert_eq!(config.get_keepalives_idle(), GONE_AFTER);
        let theirs = "postgres://frontdesk@db/frontdesk?tcp_user_timeout=40&keepalives_idle=50";
        let config = reached_by(theirs).unwrap();
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(40)));
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(50));
        assert!(
            matches!(reached_by("postgres://a:hunter2@db:none/"), Err(Error::Refused(why)) if !why.contains("hunter2"))
        );
    }
}
