//! Both dialects have the same migrations: same numbers, same names, none left out.

use super::File;
use std::collections::BTreeSet;

const FOLDER: &str = "crates/store/migrations/";
const DIALECTS: [&str; 2] = ["sqlite", "postgres"];

/// Compares the names in the two folders.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let names = DIALECTS.map(|dialect| {
        let folder = format!("{FOLDER}{dialect}/");
        let names = files.iter().filter_map(|file| file.path.strip_prefix(folder.as_str()));
        names.collect::<BTreeSet<_>>()
    });
    let mut complaints = Vec::new();
    for (here, there) in [(0, 1), (1, 0)] {
        for name in names[here].difference(&names[there]) {
            let (has, lacks) = (DIALECTS[here], DIALECTS[there]);
            complaints.push(format!("{FOLDER}{has}/{name}: {lacks} has no migration of this name"));
        }
    }
    for (n, name) in names[0].union(&names[1]).enumerate() {
        let number = format!("{:04}_", n + 1);
        if !name.starts_with(&number) || name.strip_suffix(".sql").is_none() {
            complaints.push(format!("{FOLDER}: `{name}` should be called `{number}what.sql`"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::check;

    #[test]
    fn a_migration_of_one_dialect_alone_is_untidy() {
        let both = [
            file("crates/store/migrations/sqlite/0001_begin.sql", ""),
            file("crates/store/migrations/postgres/0001_begin.sql", ""),
        ];
        assert_eq!(check(&both), Vec::<String>::new());
        assert_eq!(check(&both[..1]).len(), 1);
    }

    #[test]
    fn a_gap_in_the_numbers_is_untidy() {
        let gap = [
            file("crates/store/migrations/sqlite/0002_begin.sql", ""),
            file("crates/store/migrations/postgres/0002_begin.sql", ""),
        ];
        assert_eq!(check(&gap).len(), 1);
    }
}
