//! What arguments alone lead to.

use crate::process::Folder;

#[test]
fn help_lists_the_commands() {
    insta::assert_snapshot!("help", Folder::new("help").run(&["--help"], &[]));
}

#[test]
fn bad_usage_exits_with_1_and_never_with_the_code_of_a_finding() {
    let folder = Folder::new("usage");
    for arguments in [
        &["secrte", "check"][..],
        &["secret", "check", "--wrong"],
        &["secret"],
        &["--log-filter", "a=b=c", "secret", "check"],
        &["--quiet", "--verbose", "secret", "check"],
        &[],
    ] {
        let said = folder.run(arguments, &[]);
        assert!(said.starts_with("exit 1\n--- stdout\n--- stderr\n"), "{arguments:?}: {said}");
    }
    insta::assert_snapshot!("bad_usage", folder.run(&["secret", "chekc"], &[]));
}

#[test]
fn the_version_is_data() {
    let said = Folder::new("version").run(&["--version"], &[]);
    assert_eq!(said, format!("exit 0\n--- stdout\nfrontdesk {}\n--- stderr\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_the_commands() {
    let folder = Folder::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = folder.run(&["completions", shell], &[]);
        assert!(said.starts_with("exit 0\n"), "{shell}: {said}");
        assert!(said.contains("sandbox") && said.ends_with("--- stderr\n"), "{shell}");
    }
}
