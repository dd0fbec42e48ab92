use crate::backend::{Backend, Kind, server};
use crate::sample::{insert, make};
use std::collections::BTreeSet;

pub(crate) async fn every_statement_prepares(backend: Backend) {
    let count = backend.store.check_statements().await.unwrap();
    assert!(count > 100, "only {count} statements are registered");
    // The check itself can fail: a column that is gone is found.
    backend.behind_its_back("ALTER TABLE alert RENAME COLUMN subject TO about").await;
    let error = backend.store.check_statements().await.unwrap_err().to_string();
    assert!(error.contains("`ALERT"), "{error}");
}

pub(crate) async fn opening_again_migrates_nothing_and_keeps_everything(backend: Backend) {
    make(&backend.store, 1, "ada").await;
    insert(&backend.store, 1).await;
    let done = "SELECT version, name, sha256, applied_at FROM schema_migration ORDER BY version";
    let before = backend.lines(done).await;
    assert_eq!(before.len(), 8);
    let derived = backend.store.derived_hash().await.unwrap();
    let backend = backend.reopen().await;
    assert_eq!(backend.lines(done).await, before);
    assert_eq!(backend.store.derived_hash().await.unwrap(), derived);
    assert_eq!(backend.store.balance().await.unwrap().rows, 1);
    // What a newer binary added is left alone.
    backend
        .behind_its_back(
            "INSERT INTO schema_migration (version, name, sha256, applied_at) VALUES (99, '0099_x', 'x', 1)",
        )
        .await;
    let backend = backend.reopen().await;
    assert_eq!(backend.store.derived_hash().await.unwrap(), derived);
}

const SQLITE_COLUMNS: &str = "SELECT t.name, c.name, CASE c.type WHEN 'INTEGER' THEN 'number' WHEN 'BLOB' THEN 'bytes' ELSE 'text' END, \
    CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'required' ELSE 'optional' END \
    FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
const POSTGRES_COLUMNS: &str = "SELECT table_name, column_name, CASE data_type WHEN 'bigint' THEN 'number' WHEN 'bytea' THEN 'bytes' \
    ELSE data_type END, CASE is_nullable WHEN 'NO' THEN 'required' ELSE 'optional' END \
    FROM information_schema.columns WHERE table_schema = 'public'";
/// Primary keys and unique indexes: table, columns in order, whether only some rows count.
const SQLITE_KEYS: &str = "SELECT t.name, (SELECT group_concat(i.name, ',') FROM pragma_index_info(k.name) AS i), \
    CASE k.partial WHEN 1 THEN 'partial' ELSE 'whole' END \
    FROM sqlite_schema AS t, pragma_index_list(t.name) AS k \
    WHERE t.type = 'table' AND k.\"unique\" = 1 AND t.name NOT LIKE 'sqlite%' \
    UNION SELECT t.name, c.name, 'whole' FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
    WHERE t.type = 'table' AND c.pk = 1 AND t.name NOT LIKE 'sqlite%' AND c.type = 'INTEGER' \
        AND (SELECT COUNT(*) FROM pragma_table_info(t.name) AS other WHERE other.pk > 0) = 1";
const POSTGRES_KEYS: &str = "SELECT t.relname, (SELECT string_agg(a.attname, ',' ORDER BY k.nth) \
        FROM unnest(x.indkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum), \
    CASE WHEN x.indpred IS NULL THEN 'whole' ELSE 'partial' END \
    FROM pg_index AS x JOIN pg_class AS t ON t.oid = x.indrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace \
    WHERE x.indisunique AND n.nspname = 'public'";
const SQLITE_INDEXES: &str =
    "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
const POSTGRES_INDEXES: &str = "SELECT t.relname, i.relname FROM pg_index AS x JOIN pg_class AS t ON t.oid = x.indrelid \
    JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace \
    WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u'))";
const SQLITE_REFERENCES: &str = "SELECT t.name, f.\"from\", f.\"table\", f.\"to\" \
    FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'";
const POSTGRES_REFERENCES: &str = "SELECT t.relname, a.attname, r.relname, b.attname FROM pg_constraint AS c \
    JOIN pg_class AS t ON t.oid = c.conrelid JOIN pg_class AS r ON r.oid = c.confrelid \
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] \
    JOIN pg_attribute AS b ON b.attrelid = r.oid AND b.attnum = c.confkey[1] WHERE c.contype = 'f'";

#[test]
fn both_engines_have_the_same_schema() {
    if server().is_none() {
        println!("left out: FRONTDESK_TEST_POSTGRES=off, so there is no second schema to compare");
        return;
    }
    Backend::run(Kind::SqliteThreaded, async |sqlite: Backend| {
        let postgres = tokio::task::spawn_blocking(|| {
            let (send, lines) = std::sync::mpsc::channel();
            Backend::run(Kind::Postgres, async move |postgres: Backend| {
                for sql in [POSTGRES_COLUMNS, POSTGRES_KEYS, POSTGRES_INDEXES, POSTGRES_REFERENCES] {
                    send.send(postgres.lines(sql).await).unwrap();
                }
            });
            lines.into_iter().collect::<Vec<_>>()
        });
        let postgres = postgres.await.unwrap();
        let asked = [SQLITE_COLUMNS, SQLITE_KEYS, SQLITE_INDEXES, SQLITE_REFERENCES];
        for (sql, postgres) in asked.into_iter().zip(postgres) {
            let sqlite: BTreeSet<_> = sqlite.lines(sql).await.into_iter().collect();
            let postgres: BTreeSet<_> = postgres.into_iter().collect();
            assert!(!sqlite.is_empty());
            let differences: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
            assert!(differences.is_empty(), "{differences:#?}");
        }
    });
}
