//! The scenarios that come with the program, each lived once.

use frontdesk_sim::scenario::shipped::SHIPPED;
use frontdesk_sim::scenario::{Story, play};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn every_scenario_holds() {
    let (next, told) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((file, text)) = SHIPPED.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut wrong = String::new();
                    match Story::read(text).and_then(|story| play(&story)) {
                        Err(problem) => writeln!(wrong, "{file} {problem}").unwrap(),
                        Ok(outcome) => {
                            for unmet in outcome.unmet {
                                let (line, key) = (unmet.line, unmet.key);
                                let (expected, found) = (unmet.expected, unmet.found);
                                writeln!(
                                    wrong,
                                    "{file} line {line}: `{key}`: expected {expected}; found {found}"
                                )
                                .unwrap();
                            }
                        }
                    }
                    told.lock().unwrap().push_str(&wrong);
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn a_scenario_is_one_run_whenever_it_is_played() {
    let (_, text) = SHIPPED[0];
    let played = || play(&Story::read(text).unwrap()).unwrap();
    let (one, other) = (played(), played());
    assert_eq!((one.lived, one.calls), (other.lived, other.calls));
}

#[test]
fn what_does_not_hold_and_what_is_not_mentioned_is_told_with_its_line() {
    let story = |then: &str| format!("name = \"x\"\n[[when]]\nstripe.paid = \"ada\"\n[[then]]\n{then}");
    let told = |then: &str| -> Vec<(usize, String, String)> {
        let unmet = play(&Story::read(&story(then)).unwrap()).unwrap().unmet;
        unmet.into_iter().map(|unmet| (unmet.line, unmet.key, unmet.found)).collect()
    };
    assert_eq!(told("ada.stage = \"active\""), [(5, "ada.stage".to_owned(), "invite_sent".to_owned())]);
    let rest = ["circle.invited", "circle.community", "kit.member"];
    assert_eq!(told("ada.stage = \"invite_sent\""), rest.map(|key| (4, key.to_owned(), "ada".to_owned())));
    let impossible = "name = \"x\"\n[[when]]\nstripe.refunded = \"ada\"\n[[then]]\nparked = []\n";
    let problem = play(&Story::read(impossible).unwrap()).unwrap_err();
    assert_eq!(problem.to_string(), "line 3: ada has bought nothing that could be refunded");
}
