//! Two sets of rules over one history.

use crate::shop::*;
use frontdesk_core::catalogue::{Catalogue, Policy};
use frontdesk_core::entitlement::{Over, Standing};
use frontdesk_core::fact::Kind;
use frontdesk_core::id::EntitlementId;
use frontdesk_core::target::{Holder, Item};
use frontdesk_core::whatif::{Change, Line, Rules, Span, Thing, Totals, Track};
use jiff::SignedDuration;

/// Follows a story from its first day to `until`, event by event as it was told.
fn followed(told: &Told, present: &Catalogue, new: &Catalogue, until: i64) -> (Vec<Line>, u64) {
    let rules = Rules { present, new };
    let mut track = Track::new(at(0));
    for count in 1..=told.0.len() {
        let heard = Told(told.0[..count].to_vec());
        let [record] = heard.records().try_into().expect("one story is one customer");
        let came = told.0[..count].iter().map(|(_, _, version)| version.at).max();
        track.changes(&record.facts, rules, came.expect("something was told"), at(until));
    }
    track.ends(at(until))
}

fn thing(id: &str) -> Thing {
    Thing::Entitlement(EntitlementId::new(id))
}

/// What differed, in days since the beginning.
fn told_in_days(lines: &[Line]) -> Vec<String> {
    let day = |at: jiff::Timestamp| (at.as_second() - START) / DAY;
    let span = |span: &Span| {
        let thing = match &span.thing {
            Thing::Entitlement(id) => id.to_string(),
            Thing::Item(item) => item.to_string(),
        };
        let until = span.until.map_or("on".to_owned(), |until| day(until).to_string());
        format!("{:?} {thing} {}-{until}", span.change, day(span.from))
    };
    lines.iter().flat_map(|line| line.spans.iter().map(span)).collect()
}

fn graced(days: i64) -> Catalogue {
    catalogue_with(&Policy { grace: SignedDuration::from_hours(24 * days), ..Policy::default() })
}

#[test]
fn the_same_rules_keep_everything() {
    let (lines, keep) = followed(&renewal_fails(), &catalogue(), &catalogue(), 60 * DAY);
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!(keep, 1);
}

#[test]
fn a_shorter_grace_loses_just_the_days_between() {
    let (lines, _) = followed(&renewal_fails(), &graced(7), &graced(3), 60 * DAY);
    let lost = ["Loses community 33-37", "Loses circle:group:4012 33-37", "Loses kit:tag:member 33-37"];
    assert_eq!(told_in_days(&lines), lost);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line.symbol(), '-');
    let over = Standing::Over { why: Over::GraceOver, at: at(33 * DAY) };
    assert_eq!(line.spans[0].new, Some(over), "why: the new rules call it over");
    assert_eq!(line.worth.iter().map(|worth| worth.money.minor).collect::<Vec<_>>(), [2_900]);
}

#[test]
fn a_longer_grace_gains_them_and_what_is_not_over_has_no_end() {
    let (lines, _) = followed(&renewal_fails(), &graced(3), &graced(30), 40 * DAY);
    assert_eq!(told_in_days(&lines)[0], "Gains community 33-on");
    assert_eq!(lines[0].symbol(), '+');
}

#[test]
fn a_price_that_another_plan_sells_gains_one_thing_and_loses_the_other() {
    let mut new = catalogue();
    new.plans[1].grants = [EntitlementId::new("community")].into();
    let (lines, _) = followed(&course(), &catalogue(), &new, 10 * DAY);
    assert_eq!(lines[0].symbol(), '~');
    let changes: Vec<_> = lines[0].spans.iter().map(|span| (span.change, span.thing.clone())).collect();
    assert!(changes.contains(&(Change::Gains, thing("community"))));
    assert!(changes.contains(&(Change::Loses, thing("course"))));
    let mut totals = Totals::default();
    totals.add(&lines[0]);
    assert_eq!((totals.gain.people, totals.lose.people, totals.both.people), (0, 0, 1));
    assert_eq!(totals.both.worth["usd"].values().sum::<i64>(), 24_900);
}

#[test]
fn an_entitlement_that_means_more_gains_the_item_alone() {
    let mut new = catalogue();
    let more = Item::CircleGroup(9);
    new.entitlements.get_mut(&EntitlementId::new("course")).unwrap().items.insert(more.clone());
    let (lines, _) = followed(&course(), &catalogue(), &new, 10 * DAY);
    let spans: Vec<_> = lines[0].spans.iter().map(|span| (span.change, span.thing.clone())).collect();
    assert_eq!(spans, [(Change::Gains, Thing::Item(more))]);
}

#[test]
fn what_ended_under_both_differs_until_then() {
    let mut new = catalogue();
    new.plans[1].goods.clear();
    let refunded = course().event(5 * DAY, Kind::Charge, "ch_1", refunded(24_900));
    let (lines, _) = followed(&refunded, &catalogue(), &new, 10 * DAY);
    assert_eq!(told_in_days(&lines)[0], "Loses course 0-5");
}

#[test]
fn two_records_that_become_one_keep_what_each_had() {
    let (present, new) = (graced(7), graced(3));
    let rules = Rules { present: &present, new: &new };
    let mut survivor = Track::new(at(0));
    survivor.changes(&course().record().facts, rules, at(2), at(60 * DAY));
    let mut loser = Track::new(at(0));
    loser.changes(&renewal_fails().record().facts, rules, at(31 * DAY), at(60 * DAY));
    let both = renewal_fails().and(course()).record();
    survivor.absorb(loser, at(35 * DAY));
    survivor.changes(&both.facts, rules, at(35 * DAY), at(60 * DAY));
    let (lines, keep) = survivor.ends(at(60 * DAY));
    let community: Vec<_> =
        told_in_days(&lines).into_iter().filter(|told| told.contains("community")).collect();
    assert_eq!(community, ["Loses community 33-35", "Loses community 35-37"]);
    assert_eq!((lines[0].holder.clone(), keep), (Holder::Customer, 0));
}
