//! `frontdesk secret check`, and with it how a configuration's complaints reach the operator.

use crate::process::Folder;

const TEXT: &str = r#"
[site]
name = "Northwind Makers"
url = "https://members.northwind.example"

[sources.stripe]
signing_secrets = ["${STRIPE_SIGNING_SECRET}"]
api_key = "${STRIPE_API_KEY}"

[targets.kit]
api_key_file = "kit_key"

[[plans]]
id = "pro"
prices = ["stripe:price_1Pro"]
grants = ["community"]

[entitlements.community]
kit.tags = ["member"]
"#;

const SIGNING: (&str, &str) = ("STRIPE_SIGNING_SECRET", "whsec_5f3c1e9a7b2d");
const RESTRICTED: (&str, &str) = ("STRIPE_API_KEY", "rk_live_51Habcdefghijkl");

#[cfg(unix)]
fn folder(name: &str) -> Folder {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(name);
    folder.write("frontdesk.toml", TEXT);
    folder.write("kit_key", "kit_5f3c1e9a7b2d4f6a\n");
    let owner_alone = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path("kit_key"), owner_alone).expect("the file was just made");
    folder
}

#[test]
fn secrets_are_listed_by_origin_and_kind() {
    insta::assert_snapshot!(
        "secret_check",
        folder("listed").run(&["secret", "check"], &[SIGNING, RESTRICTED])
    );
}

#[test]
fn a_secret_that_should_be_looked_at_exits_with_2() {
    let environment = [SIGNING, ("STRIPE_API_KEY", "sk_live_51Habcdefghijkl")];
    insta::assert_snapshot!("secret_check_found", folder("found").run(&["secret", "check"], &environment));
}

#[test]
fn a_program_gets_one_document() {
    let said = folder("json").run(&["secret", "check", "--json"], &[SIGNING, RESTRICTED]);
    insta::assert_snapshot!("secret_check_json", said);
}

#[test]
fn everything_wrong_is_told_on_stderr_and_exits_with_1() {
    let folder = folder("wrong");
    folder.write("frontdesk.toml", &TEXT.replace("name =", "nmae =").replace("kit_key", "no_such_file"));
    insta::assert_snapshot!("wrong", folder.run(&["secret", "check"], &[SIGNING]));
    insta::assert_snapshot!("wrong_json", folder.run(&["secret", "check", "--json"], &[SIGNING]));
}

#[test]
fn a_missing_file_says_how_to_name_one() {
    insta::assert_snapshot!(
        "no_file",
        Folder::new("no-file").run(&["secret", "check", "--config", "other.toml"], &[])
    );
}

#[test]
fn quiet_leaves_out_warnings() {
    let environment = [SIGNING, ("STRIPE_API_KEY", "sk_live_51Habcdefghijkl")];
    let said = folder("quiet").run(&["secret", "check", "--quiet"], &environment);
    assert!(said.starts_with("exit 2\n") && said.ends_with("--- stderr\n"), "{said}");
}
