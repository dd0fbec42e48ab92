//! Opening SQLite: files, settings that are read back, migrations.

use super::SqliteSettings;
use super::lock::Lock;
use super::run;
use crate::Error;
use crate::migration::{self, SCHEMA_MIGRATION_SQLITE};
use crate::sql::Engine;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The oldest SQLite that may be used.
///
/// Versions 3.7.0 to 3.51.2 have a race at the reset of the WAL that can corrupt a database with two
/// connections. Source: SQLite release notes, 3.51.3 (March 2026).
const VERSION_MIN: i32 = 3_051_003;
/// Prepared statements that one connection keeps: all of the store's, with room.
const STATEMENTS_KEPT: usize = 256;
/// File systems whose locks and syncs SQLite cannot rely on, as `/proc/mounts` names them.
const NETWORK_FILE_SYSTEMS: [&str; 9] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"];

/// Settings of the writer: the command, and what reading the setting back must give.
const WRITER_SETTINGS: [(&str, &str, i64); 8] = [
    ("synchronous = FULL", "synchronous", 2),
    ("foreign_keys = ON", "foreign_keys", 1),
    ("busy_timeout = 5000", "busy_timeout", 5_000),
    ("wal_autocheckpoint = 1000", "wal_autocheckpoint", 1_000),
    ("journal_size_limit = 67108864", "journal_size_limit", 67_108_864),
    ("cell_size_check = ON", "cell_size_check", 1),
    ("trusted_schema = OFF", "trusted_schema", 0),
    ("cache_size = -16000", "cache_size", -16_000),
];
/// Settings of a reader.
const READER_SETTINGS: [(&str, &str, i64); 5] = [
    ("query_only = ON", "query_only", 1),
    ("busy_timeout = 5000", "busy_timeout", 5_000),
    ("cell_size_check = ON", "cell_size_check", 1),
    ("trusted_schema = OFF", "trusted_schema", 0),
    ("cache_size = -4000", "cache_size", -4_000),
];

/// Refuses a library that can corrupt what it is given.
pub(super) fn check_version(version: i32) -> Result<(), Error> {
    if version >= VERSION_MIN {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the linked SQLite {version} can corrupt a database; {VERSION_MIN} is the oldest safe one"
    )))
}

/// The type of the file system on which `folder` lies, by the longest mount point above it.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (point, kind) = (words.nth(1)?, words.next()?);
            folder.starts_with(point).then_some((point.len(), kind))
        })
        .max()
        .map(|(_, kind)| kind)
}

/// Makes the database file ready to be opened: a folder that can be written, the lock, a file that
/// only its owner reads.
pub(super) fn prepare_files(settings: &SqliteSettings) -> Result<Lock, Error> {
    let path = &settings.path;
    let shown = path.display();
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = folder
        .canonicalize()
        .map_err(|error| Error::Refused(format!("the folder of `{shown}` cannot be used: {error}")))?;
    // Where there is no such list (other systems), the operator's own choice of disk stands.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if let Some(kind) = file_system(&mounts, &folder).filter(|kind| NETWORK_FILE_SYSTEMS.contains(kind)) {
        return Err(Error::Refused(format!(
            "`{shown}` is on a network file system ({kind}); use a local disk or PostgreSQL"
        )));
    }
    let lock = Lock::take(path, settings.now)?;
    let failed = |error: std::io::Error| Error::Refused(format!("`{shown}` cannot be written: {error}"));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    // The new name itself must survive a power loss.
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(lock)
}

fn refused(error: &rusqlite::Error, statement: &'static str) -> Error {
    match run::fault(error, statement).error {
        Error::Sql { message, .. } => Error::Refused(message),
        other => other,
    }
}

fn apply(connection: &Connection, settings: &[(&str, &str, i64)]) -> Result<(), Error> {
    for (command, name, wanted) in settings {
        connection.execute_batch(&format!("PRAGMA {command}")).map_err(|error| refused(&error, "PRAGMA"))?;
        let found: i64 = connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| refused(&error, "PRAGMA"))?;
        if found != *wanted {
            return Err(Error::Refused(format!("SQLite's setting `{name}` is {found} after `{command}`")));
        }
    }
    // Without this SQLite plans a kept statement anew each time that a bound value changes, in case the value suggests
    // another plan: more than half of the time of a small read. Source: sqlite.org/qpsg.html.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(|error| refused(&error, "QPSG"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// Opens the one connection that writes, and brings the schema up to date.
pub(super) fn open_writer(settings: &SqliteSettings, vfs: Option<&str>) -> Result<Connection, Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match vfs {
        None => Connection::open_with_flags(&settings.path, flags),
        Some(vfs) => Connection::open_with_flags_and_vfs(&settings.path, flags, vfs),
    };
    let mut connection = opened.map_err(|error| refused(&error, "open"))?;
    if vfs.is_some() {
        // The index of the WAL then lies in heap memory, and the file system needs no shared memory.
        connection
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE")
            .map_err(|error| refused(&error, "PRAGMA"))?;
    }
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|error| refused(&error, "PRAGMA"))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::Refused(format!("SQLite keeps the journal mode `{mode}` where WAL is needed")));
    }
    apply(&connection, &WRITER_SETTINGS)?;
    migrate(&mut connection, settings.now)?;
    Ok(connection)
}

/// Opens one connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| refused(&error, "open"))?;
    apply(&connection, &READER_SETTINGS)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), Error> {
    let failed = |error: rusqlite::Error| refused(&error, "migrate");
    connection.execute_batch(SCHEMA_MIGRATION_SQLITE).map_err(failed)?;
    let done: BTreeMap<i64, String> = {
        let mut rows = connection.prepare("SELECT version, sha256 FROM schema_migration").map_err(failed)?;
        let done = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
        done.collect::<Result<_, _>>().map_err(failed)?
    };
    for migration in migration::missing(&done, Engine::Sqlite)? {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(migration.text(Engine::Sqlite)).map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO schema_migration (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
                (migration.version, migration.name, migration.sha256(Engine::Sqlite), now.as_microsecond()),
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        tracing::info!(migration = migration.name, "the schema is migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_with_the_wal_reset_bug_is_refused_and_the_linked_one_is_not() {
        assert!(matches!(check_version(3_051_002), Err(Error::Refused(_))));
        check_version(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn the_longest_mount_point_names_the_file_system() {
        let mounts = "/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n/dev/sdb /data/local xfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/var/lib")), Some("ext4"));
        assert_eq!(file_system(mounts, Path::new("/data/a")), Some("nfs4"));
        assert_eq!(file_system(mounts, Path::new("/data/local/a")), Some("xfs"));
        assert_eq!(file_system(mounts, Path::new("/database")), Some("ext4"));
    }
}
