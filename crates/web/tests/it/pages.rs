//! The customer pages: what they say, what they must never hold.

use crate::samples::{SITE, address, at, decided, holdings, situations, visit};
use askama::Template;
use frontdesk_core::{stage::Stage, words::Language};
use frontdesk_web::pages::{
    Asset, Failure, LinkGone, Milestones, Site, Situation, Status, Trouble, Visit, Welcome, asset,
};
use std::collections::BTreeSet;

/// Every page in every state, in one language.
fn all_pages(language: Language) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for (name, situation) in situations() {
        let holdings = holdings(situation.stage);
        let status =
            Status::new(&visit(language, ""), Some(&situation), &holdings).render().expect("a page renders");
        let visit = visit(language, "session_id=cs_test_1");
        let welcome = Welcome::new(&visit, situation, Some(&address())).render().expect("a page renders");
        pages.extend([(format!("status_{name}"), status), (format!("welcome_{name}"), welcome)]);
    }
    let visit = visit(language, "");
    let stale = Visit { stale: true, looked_at: at("2026-11-24T07:02:00Z"), stream: None, ..visit };
    let (_, situation) = situations().remove(0);
    pages.extend([
        ("status_nothing".to_owned(), Status::new(&visit, None, &[]).render().expect("a page renders")),
        (
            "status_stale".to_owned(),
            Status::new(&stale, Some(&situation), &[]).render().expect("a page renders"),
        ),
        (
            "welcome_unknown".to_owned(),
            Welcome::new(&visit, Situation::processing(), None).render().expect("a page renders"),
        ),
        ("link_gone".to_owned(), LinkGone::new(&visit).render().expect("a page renders")),
        (
            "missing".to_owned(),
            Failure::new(&visit, Trouble::Missing, None).render().expect("a page renders"),
        ),
        (
            "failed".to_owned(),
            Failure::new(&visit, Trouble::Failed, Some("01J5")).render().expect("a page renders"),
        ),
    ]);
    pages
}

/// What stands between the header and the footer, and the icons behind it.
fn inside(page: &str) -> String {
    let (_, main) = page.split_once("<main id=\"main\">\n").expect("a page has a main part");
    let (main, rest) = main.split_once("\n</main>").expect("the main part ends");
    let (_, icons) = rest.split_once("</footer>\n").expect("a page has a footer");
    let icons: Vec<_> = icons.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    format!("{main}\n[{}]", icons.join(" "))
}

#[test]
fn each_state_of_each_page_reads_well() {
    for (name, page) in all_pages(Language::En) {
        insta::assert_snapshot!(name, inside(&page));
    }
}

#[test]
fn a_whole_page_in_another_language() {
    let (_, situation) = situations().into_iter().find(|(name, _)| name == "past_due").unwrap();
    let visit = Visit { language_asked: true, ..visit(Language::De, "session_id=cs_test_1") };
    let page =
        Status::new(&visit, Some(&situation), &holdings(Stage::PastDue)).render().expect("a page renders");
    // The files' names change with every change to them; what the snapshot shows is the page.
    let names: Vec<_> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    let page = names.iter().fold(page.clone(), |page, name| {
        let (_, extension) = name.rsplit_once('.').expect("a file has an extension");
        page.replace(name, &format!("/assets/customer-[hash].{extension}"))
    });
    insta::assert_snapshot!("status_whole_de", page);
}

#[test]
fn no_page_holds_what_its_policy_forbids() {
    for language in Language::ALL {
        for (name, page) in all_pages(language) {
            let what = format!("{name} in {language:?}");
            for forbidden in
                ["style=", "<style", "javascript:", "<iframe", "<img", "<form", "<button", " on", "{"]
            {
                // Words may start with "on"; an attribute that does has no blank before its `=`.
                let found = match forbidden {
                    " on" => page.split(" on").skip(1).any(|rest| {
                        rest.split_once('=')
                            .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()))
                    }),
                    "{" => main_text(&page).contains('{'),
                    other => page.contains(other),
                };
                assert!(!found, "{what} holds {forbidden:?}");
            }
            // Scripts and styles come from this site alone, and no script has a body.
            for (tag, attribute) in [("<script", "src=\""), ("<link", "href=\"")] {
                for rest in page.split(tag).skip(1) {
                    let (_, path) = rest.split_once(attribute).expect("it has an address");
                    assert!(path.starts_with("/assets/"), "{what}: {path:.40}");
                }
            }
            assert_eq!(page.matches("<script").count(), page.matches("></script>").count(), "{what}");
            assert!(page.contains("<meta name=\"robots\" content=\"noindex\">"), "{what}");
            assert_eq!(page.matches("<h1").count(), 1, "{what}");
            let ids: Vec<_> =
                page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{what}: {ids:?}");
            for used in page.split("<use href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(ids.contains(&used), "{what} uses the icon {used} and does not hold it");
            }
        }
    }
}

fn main_text(page: &str) -> &str {
    page.split_once("<main").map_or(page, |(_, rest)| rest)
}

#[test]
fn welcome_shows_a_weak_key_nothing_but_the_stage_and_a_masked_address() {
    for language in Language::ALL {
        for (name, page) in all_pages(language) {
            if !name.starts_with("welcome") {
                continue;
            }
            let text = main_text(&page);
            for secret in ["ada@", "gmial", "49", "Pro<", "FD-2043", "invoice.stripe", "Course"] {
                assert!(!text.contains(secret), "{name} in {language:?} shows {secret:?}");
            }
        }
    }
}

#[test]
fn the_links_of_a_page_keep_its_query_and_its_language() {
    let (_, situation) = situations().remove(0);
    let visit = Visit { language_asked: true, ..visit(Language::Fr, "session_id=cs_test_1") };
    let page = Welcome::new(&visit, situation, None).render().expect("a page renders");
    assert!(page.contains("<a href=\"?session_id=cs_test_1&#38;lang=fr\">Vérifier à nouveau</a>"), "{page}");
    assert!(page.contains("href=\"?session_id=cs_test_1&#38;lang=de\" lang=\"de\""), "{page}");
    assert!(page.contains("data-stream=\"/status/live?page=1&#38;lang=fr\""), "{page}");
}

#[test]
fn a_link_from_outside_that_is_no_web_address_is_no_button() {
    let of = decided(Stage::PastDue);
    for (pay_url, shown) in
        [("https://pay.example/i", true), ("javascript:alert(1)", false), ("//pay.example", false)]
    {
        let situation = Situation { pay_url: Some(pay_url), ..Situation::of(&of, Milestones::default()) };
        let page =
            Status::new(&visit(Language::En, ""), Some(&situation), &[]).render().expect("a page renders");
        assert_eq!(page.contains("class=\"btn pri\""), shown, "{pay_url}");
        assert_eq!(page.contains(pay_url), shown, "{pay_url}");
    }
}

#[test]
fn text_from_outside_is_escaped() {
    let mut of = decided(Stage::Active);
    of.plan = Some("<b onclick=\"x\">&".to_owned());
    let situation = Situation::of(&of, Milestones::default());
    let page = Status::new(&visit(Language::En, ""), Some(&situation), &[]).render().expect("a page renders");
    assert!(page.contains("<bdi>&#60;b onclick=&#34;x&#34;&#62;&#38;</bdi> renews"), "{page}");
}

#[test]
fn a_stage_of_the_core_fills_its_sentences() {
    for stage in Stage::ALL {
        let of = decided(stage);
        let situation = Situation::of(&of, Milestones::default());
        let page =
            Status::new(&visit(Language::En, ""), Some(&situation), &[]).render().expect("a page renders");
        let expect = match stage {
            Stage::SupportReview => "Your case is FD-2043.",
            Stage::PastDue => "The bank’s answer: the card has expired.",
            Stage::Refunded => "$49.00 was refunded on ",
            Stage::Disputed => "The payment of $49.00 was questioned",
            Stage::Active => "<bdi>Pro</bdi> renews on ",
            Stage::Ending => "<bdi>Pro</bdi> is cancelled and stays open",
            Stage::Ended => "<bdi>Pro</bdi> ended on ",
            Stage::InviteSent => "was sent to <bdi>a•••@e•••.org</bdi> on ",
            Stage::AccessPending => "the next try is at ",
            Stage::PaymentReceived => "It arrived at ",
            Stage::PaymentProcessing => "You do not need to pay again.",
            Stage::PaymentFailed => "Try the payment again",
        };
        assert!(page.contains(expect), "{stage}: {page}");
    }
}

#[test]
fn without_a_help_address_nothing_asks_to_write() {
    let site = Site { help: None, community_url: None, ..SITE.clone() };
    for (name, situation) in situations() {
        let visit = Visit { site: &site, ..visit(Language::En, "") };
        let pages = [
            Status::new(&visit, Some(&situation), &[]).render().expect("a page renders"),
            Welcome::new(&visit, situation, Some(&address())).render().expect("a page renders"),
            LinkGone::new(&visit).render().expect("a page renders"),
        ];
        for page in pages {
            for absent in ["mailto:", "write to us", "Write to us", "ask a person", "Write to a person"] {
                assert!(!page.contains(absent), "{name}: {absent}");
            }
        }
    }
}

#[test]
fn a_gone_link_is_the_same_page_whatever_was_asked() {
    let visits =
        [visit(Language::En, ""), Visit { stream: None, ..visit(Language::En, "session_id=cs_test_1") }];
    let [first, second] = visits.map(|visit| LinkGone::new(&visit).render().expect("a page renders"));
    assert_eq!(first, second);
}

#[test]
fn the_regions_are_what_the_page_holds() {
    for (name, situation) in situations() {
        let holdings = holdings(situation.stage);
        let status = Status::new(&visit(Language::Es, ""), Some(&situation), &holdings);
        let page = status.render().expect("a page renders");
        let regions = status.regions().expect("a region renders");
        assert_eq!(
            regions.iter().map(|region| region.name).collect::<Vec<_>>(),
            ["icons", "answer", "steps", "have"]
        );
        for region in regions {
            let whole = format!("<div data-region=\"{}\">{}</div>", region.name, region.html);
            assert!(page.contains(&whole), "{name}: {}", region.name);
        }
    }
}

#[test]
fn the_stage_of_a_page_and_of_each_row_can_be_read_by_a_program() {
    for (name, situation) in situations() {
        let stage = situation.stage;
        let page = Status::new(&visit(Language::En, ""), Some(&situation), &holdings(stage))
            .render()
            .expect("a page renders");
        assert_eq!(
            page.matches(&format!("data-stage=\"{stage}\"")).count(),
            if stage == Stage::Active { 3 } else { 2 },
            "{name}"
        );
    }
}

#[test]
fn the_files_of_a_page_are_found_under_the_names_it_gives_them() {
    let page = LinkGone::new(&visit(Language::En, "")).render().expect("a page renders");
    let paths: Vec<_> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    let found: Vec<&Asset> = paths.iter().filter_map(|path| asset(path)).collect();
    assert_eq!(found.len(), 2, "{paths:?}");
    for file in found {
        assert!(file.body.len() < 12_000, "{} is {} bytes", file.path, file.body.len());
    }
    assert!(asset("/assets/customer-000000000000.css").is_none());
}

/// The budget of a page is 12 KB compressed; uncompressed it must not be far above that.
#[test]
fn pages_are_small() {
    for (name, page) in all_pages(Language::Fr) {
        assert!(page.len() < 12_000, "{name} is {} bytes", page.len());
    }
}
