//! What a person grants and revokes, from the journal to the community.

use crate::house::{GROUP, House};
use frontdesk_core::email::Email;
use frontdesk_core::id::EntitlementId;
use frontdesk_core::plan::Change;
use frontdesk_core::ruling::Verdict;
use frontdesk_core::stage::Stage;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::rebuild::Rebuilt;
use frontdesk_engine::ruling::{Order, Ruled, Whom};
use frontdesk_engine::settings::Mode;
use jiff::SignedDuration;
use serde_json::json;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn order(house: &House, verdict: Verdict, whom: Whom, span: Option<SignedDuration>) -> Order {
    Order {
        whom,
        holder: Holder::Customer,
        verdict,
        entitlement: EntitlementId::new("community"),
        until: span.map(|span| house.now().checked_add(span).unwrap()),
        until_bought: false,
        by: "mira".to_owned(),
        reason: "speaks at the meetup".to_owned(),
    }
}

fn rule(house: &House, verdict: Verdict, whom: Whom, span: Option<SignedDuration>) -> Ruled {
    let order = order(house, verdict, whom, span);
    let ruled = house.wait(house.engine.rule(&order)).unwrap().unwrap();
    house.pass(SignedDuration::from_secs(1));
    house.pass(SignedDuration::from_mins(2));
    ruled
}

/// The journal comes to what is stored, and every audit chain holds.
fn is_sound(house: &House) {
    let store = house.engine.store();
    let rebuilt = house.wait(Rebuilt::from_journal(store)).unwrap();
    assert_eq!(house.wait(rebuilt.first_difference(store)).unwrap(), None);
    assert_eq!(house.wait(store.derived_hash()).unwrap(), rebuilt.hash());
}

#[test]
fn a_guest_comes_in_for_as_long_as_was_granted() {
    let house = House::new("ruling-guest");
    let guest = Email::parse("guest@example.com").unwrap();
    let ruled = rule(&house, Verdict::Grant, Whom::Address(guest), Some(DAY * 30));
    assert!(ruled.shifts.iter().any(|shift| shift.change == Change::Give), "{ruled:?}");
    assert!(house.is_in("guest@example.com"));
    is_sound(&house);
    house.pass(DAY * 29);
    assert!(house.is_in("guest@example.com"));
    house.pass(DAY * 2);
    assert!(!house.is_in("guest@example.com"));
    let view = house.wait(house.engine.view(&ruled.customer.unwrap())).unwrap().unwrap();
    assert_eq!(view.headline().unwrap().stage, Stage::Ended);
    is_sound(&house);
}

#[test]
fn a_payer_who_is_revoked_is_out_until_somebody_grants_it_again() {
    let house = House::new("ruling-payer");
    house.buys("ada@example.com");
    assert!(house.is_in("ada@example.com"));
    let ada = || Whom::Customer(house.customer("ada@example.com"));
    let ahead = house.wait(house.engine.would_rule(&order(&house, Verdict::Revoke, ada(), None)));
    let ahead = ahead.unwrap().unwrap();
    assert!(ahead.shifts.iter().any(|shift| shift.change == Change::Take), "{ahead:?}");
    house.pass(DAY);
    assert!(house.is_in("ada@example.com"), "a look ahead does nothing");
    rule(&house, Verdict::Revoke, ada(), None);
    assert!(!house.is_in("ada@example.com"));
    let chain = house.wait(house.engine.store().audit_chain(&house.customer("ada@example.com"))).unwrap();
    let noted = chain.iter().find(|entry| entry.action == "revoke").unwrap();
    assert!(noted.after.contains("mira"));
    assert_eq!(noted.personal["reason"].as_deref(), Some("speaks at the meetup"));
    rule(&house, Verdict::Grant, ada(), None);
    assert!(house.is_in("ada@example.com"));
    is_sound(&house);
}

/// What they pay for no longer gives nothing new to take away, and yet a person named them: what was never seen is looked
/// for, and goes.
#[test]
fn who_no_longer_pays_and_is_in_by_hand_is_out_once_revoked() {
    let mut house = House::with("ruling-by-hand", |settings| {
        settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
    });
    house.act("circle/member", &json!({ "email": "ada@example.com", "state": "active", "group": GROUP }));
    let bought = house.buys("ada@example.com");
    house.act("stripe/cancel", &json!({ "subscription": bought["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_mins(2));
    house.restart_with(|settings| settings.targets.values_mut().for_each(|to| to.mode = Mode::Live));
    house.wait(house.engine.go_live(Target::Circle, "mira")).unwrap();
    house.pass(DAY);
    assert!(house.is_in("ada@example.com"), "whoever was in by hand is left");
    let ada = || Whom::Customer(house.customer("ada@example.com"));
    let ahead = house.wait(house.engine.would_rule(&order(&house, Verdict::Revoke, ada(), None)));
    assert!(ahead.unwrap().unwrap().shifts.iter().any(|shift| shift.change == Change::Take));
    rule(&house, Verdict::Revoke, ada(), None);
    assert!(!house.is_in("ada@example.com"));
}

#[test]
fn the_end_of_a_revocation_lets_the_payment_speak_again() {
    let house = House::new("ruling-suspended");
    house.buys("ada@example.com");
    rule(&house, Verdict::Revoke, Whom::Customer(house.customer("ada@example.com")), Some(DAY * 7));
    assert!(!house.is_in("ada@example.com"));
    house.pass(DAY * 8);
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("ada@example.com"));
    is_sound(&house);
}

#[test]
fn a_ruling_is_played_again_without_effect_and_kept_over_a_restart() {
    let mut house = House::new("ruling-replay");
    let guest = Email::parse("guest@example.com").unwrap();
    let ruled = rule(&house, Verdict::Grant, Whom::Address(guest), None);
    house.wait(house.engine.replay(&ruled.entry.unwrap())).unwrap();
    house.restart();
    house.pass(DAY);
    assert!(house.is_in("guest@example.com"));
    let chain = house.wait(house.engine.store().audit_chain(&house.customer("guest@example.com"))).unwrap();
    assert_eq!(chain.iter().filter(|entry| entry.action == "grant").count(), 1);
    is_sound(&house);
}
