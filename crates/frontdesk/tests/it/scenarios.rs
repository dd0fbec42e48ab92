//! `frontdesk scenarios`: a table, what does not hold, and what cannot be read.

use crate::process::Folder;

const STORY: &str = "name = \"a buyer whom nobody knows is invited\"\n[[when]]\nstripe.paid = \"ada\"\n[[then]]\nada.stage = \"invite_sent\"\ncircle.community = \"ada\"\ncircle.invited = \"ada\"\n";

#[test]
fn what_holds_and_what_does_not_is_told_by_line() {
    let folder = Folder::new("scenarios");
    std::fs::create_dir_all(folder.path("stories")).unwrap();
    folder.write("stories/holds.toml", &format!("{STORY}kit.member = \"ada\"\n"));
    insta::assert_snapshot!("scenarios_hold", folder.run(&["scenarios", "stories"], &[]));
    folder.write("stories/fails.toml", &STORY.replace("invite_sent", "active"));
    insta::assert_snapshot!("scenarios_fail", folder.run(&["scenarios", "stories"], &[]));
    let json = folder.run(&["--json", "scenarios", "stories/holds.toml", "stories/fails.toml"], &[]);
    insta::assert_snapshot!("scenarios_json", json);
}

#[test]
fn what_cannot_be_read_is_told_before_anything_is_played() {
    let folder = Folder::new("scenarios-unreadable");
    folder.write("wrong.toml", &STORY.replace("stripe.paid", "stripe.payed"));
    folder.write("right.toml", STORY);
    insta::assert_snapshot!(
        "scenarios_unreadable",
        folder.run(&["scenarios", "right.toml", "wrong.toml"], &[])
    );
    insta::assert_snapshot!("scenarios_absent", folder.run(&["scenarios", "nowhere.toml"], &[]));
}
