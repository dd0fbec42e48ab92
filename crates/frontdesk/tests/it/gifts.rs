//! Gifts and seats: who pays and who has the use of it are two people.

use crate::town::{Rest, Settings, Town};
use frontdesk_core::id::EntitlementId;
use frontdesk_core::ruling::Verdict;
use frontdesk_core::stage::Stage;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::ruling::{Order, Whom};
use jiff::SignedDuration;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";
const CLEO: &str = "cleo@example.com";

/// A town whose shop gives the community to whomever the checkout names.
fn with_gifts(name: &str) -> Town {
    Town::with(name, Settings { community: "beneficiary = \"gift_for\"", ..Settings::default() })
}

/// Ada pays, and names who gets it.
fn given(town: &Town, to: &str) -> Value {
    let order = json!({
        "email": ADA, "price": "price_1Community", "metadata": { "gift_for": to },
        "subscription_metadata": { "gift_for": to },
    });
    town.act("stripe", "checkout", order)
}

/// The holders of Ada's stages, and the stages.
fn holders(town: &Town) -> Vec<(Holder, Stage)> {
    let ada = town.customer(ADA).unwrap();
    let view = town.ask(town.engine().view(&ada)).unwrap().unwrap();
    view.decision.stages.iter().map(|of| (of.holder.clone(), of.stage)).collect()
}

fn ben() -> Holder {
    Holder::Beneficiary(frontdesk_core::email::Email::parse(BEN).unwrap())
}

#[test]
fn a_gift_lets_in_whom_it_was_given_to_and_not_who_paid() {
    let town = with_gifts("gift");
    given(&town, BEN);
    town.until("Ben in the community", |town| town.in_group(4012).contains(BEN).then_some(()));
    town.settle();
    assert_eq!(town.in_group(4012), [BEN.to_owned()].into());
    assert_eq!(town.tagged("member"), [BEN.to_owned()].into());
    assert_eq!(town.invited(), [BEN]);
    assert_eq!(town.customers().len(), 1, "a gift makes no record of its own and merges nothing");
    assert_eq!(holders(&town), [(ben(), Stage::InviteSent)]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_refund_takes_it_from_whom_it_was_given_to_alone() {
    let town = with_gifts("gift-refund");
    for email in [ADA, BEN] {
        town.act("circle", "member", json!({ "email": email }));
    }
    town.buys(ADA, "price_1Course");
    let gift = given(&town, BEN);
    town.until("both inside", |town| {
        (town.in_group(4012).contains(BEN) && town.in_group(4014).contains(ADA)).then_some(())
    });
    town.settle();
    town.act("stripe", "refund", json!({ "session": gift["session"] }));
    town.soon("Ben out of the community", |town| town.in_group(4012).is_empty().then_some(()));
    town.settle();
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into(), "what Ada bought for herself stays");
    assert!(holders(&town).contains(&(ben(), Stage::Refunded)), "{:?}", holders(&town));
    let row = town.sync(ADA, Target::Circle).unwrap();
    assert_eq!(row.state.as_str(), "applied");
}

#[test]
fn a_refunded_gift_takes_nothing_from_somebody_who_pays_as_well() {
    let town = with_gifts("gift-and-own");
    town.act("circle", "member", json!({ "email": BEN }));
    let gift = given(&town, BEN);
    town.until("Ben in the community", |town| town.in_group(4012).contains(BEN).then_some(()));
    town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["active"]);
    town.settle();
    town.act("stripe", "refund", json!({ "session": gift["session"] }));
    town.soon("the refund known", |town| holders(town).contains(&(ben(), Stage::Refunded)).then_some(()));
    town.jump(SignedDuration::from_mins(2));
    town.settle();
    assert_eq!(town.in_group(4012), [BEN.to_owned()].into(), "last one out");
}

#[test]
fn a_gift_is_revoked_from_whom_it_was_given_to_and_nothing_else_is() {
    let town = with_gifts("gift-revoked");
    for email in [ADA, BEN] {
        town.act("circle", "member", json!({ "email": email }));
    }
    town.buys(ADA, "price_1Course");
    given(&town, BEN);
    given(&town, CLEO);
    town.until("all inside", |town| {
        (town.in_group(4012).len() == 2 && town.in_group(4014).contains(ADA)).then_some(())
    });
    town.settle();
    let order = Order {
        whom: Whom::Customer(town.customer(ADA).unwrap()),
        holder: ben(),
        verdict: Verdict::Revoke,
        entitlement: EntitlementId::new("community"),
        until: None,
        until_bought: false,
        by: "Mira".to_owned(),
        reason: "left the team".to_owned(),
    };
    assert!(town.ask(town.engine().rule(&order)).unwrap().is_some());
    town.soon("Ben out", |town| (!town.in_group(4012).contains(BEN)).then_some(()));
    town.settle();
    assert_eq!(town.in_group(4012), [CLEO.to_owned()].into());
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    assert!(holders(&town).contains(&(ben(), Stage::Ended)), "{:?}", holders(&town));
}

#[test]
fn seats_are_gifts_to_several() {
    let town = with_gifts("seats");
    given(&town, BEN);
    given(&town, CLEO);
    town.until("both in the community", |town| (town.in_group(4012).len() == 2).then_some(()));
    town.settle();
    assert_eq!(town.in_group(4012), [BEN.to_owned(), CLEO.to_owned()].into());
    assert_eq!(town.customers().len(), 1);
}
