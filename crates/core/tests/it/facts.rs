//! Which of two words about one object counts.

use crate::shop::*;
use frontdesk_core::fact::{Body, Fact, IMPORTED, Key, Kind, Learnt, SubscriptionStatus as S, Version};
use frontdesk_core::id::SourceId;
use frontdesk_core::reads::Purpose;

fn told(how: Learnt, seconds: i64, status: S) -> Fact {
    Fact::new(
        how,
        Version::new(
            at(seconds),
            Body::Subscription(sub(status, "price_member")),
            version(0, outcome(true)).evidence,
        ),
    )
}

#[test]
fn the_word_that_counts() {
    use Learnt::{Event, Read};
    // name, facts, status that counts, whether it is provisional, when a read confirmed it
    let table = [
        ("the newer event", vec![(Event, 5, S::Active), (Event, 9, S::PastDue)], S::PastDue, false, None),
        (
            "an old event that comes late",
            vec![(Event, 9, S::Active), (Event, 5, S::PastDue)],
            S::Active,
            false,
            None,
        ),
        (
            "one second: the rank",
            vec![(Event, 5, S::Incomplete), (Event, 5, S::Active)],
            S::Active,
            true,
            None,
        ),
        (
            "a final state over a later one",
            vec![(Event, 5, S::Canceled), (Event, 9, S::Active)],
            S::Canceled,
            false,
            None,
        ),
        (
            "a read that agrees counts at once",
            vec![(Event, 5, S::Active), (Read, 6, S::Active)],
            S::Active,
            false,
            Some(6),
        ),
        (
            "an older read confirms nothing",
            vec![(Event, 5, S::Active), (Read, 4, S::Active)],
            S::Active,
            false,
            None,
        ),
        (
            "a read too soon: the rank",
            vec![(Event, 5, S::Active), (Read, 15, S::Incomplete)],
            S::Active,
            true,
            None,
        ),
        (
            "a read too soon, of higher rank",
            vec![(Event, 5, S::Active), (Read, 15, S::PastDue)],
            S::PastDue,
            true,
            None,
        ),
        ("a later read", vec![(Event, 5, S::PastDue), (Read, 16, S::Active)], S::Active, false, Some(16)),
        ("a read from before", vec![(Event, 5, S::PastDue), (Read, 4, S::Active)], S::PastDue, false, None),
        (
            "a read never undoes the end",
            vec![(Event, 5, S::Canceled), (Read, 99, S::Active)],
            S::Canceled,
            false,
            None,
        ),
        (
            "a read of the end, too soon",
            vec![(Event, 5, S::Active), (Read, 6, S::Canceled)],
            S::Canceled,
            true,
            None,
        ),
        (
            "a read of the end, later",
            vec![(Event, 5, S::Active), (Read, 16, S::Canceled)],
            S::Canceled,
            false,
            Some(16),
        ),
        (
            "a read settles an ambiguous second",
            vec![(Event, 5, S::Trialing), (Event, 5, S::Active), (Read, 7, S::Active)],
            S::Active,
            false,
            Some(7),
        ),
    ];
    for (name, told, status, provisional, confirmed) in table {
        let facts = told.into_iter().map(|(how, seconds, status)| self::told(how, seconds, status));
        let fact = facts.reduce(Fact::join).expect("every row tells something");
        let current = fact.current();
        let Body::Subscription(sub) = &current.version.body else { panic!("{name}") };
        assert_eq!(sub.status, status, "{name}");
        assert_eq!(current.is_provisional, provisional, "{name}");
        assert_eq!(current.confirmed_at, confirmed.map(at), "{name}");
    }
}

#[test]
fn what_cannot_be_told_is_read_again_once_reads_are_settled() {
    let active = || Body::Subscription(sub(S::Active, "price_member"));
    let told = membership().event(
        2,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(sub(S::Incomplete, "price_member")),
    );
    let reads = told.decide(&catalogue(), 3).reads;
    let [want] = reads.as_slice() else { panic!("{reads:?}") };
    assert_eq!((want.purpose, want.not_before), (Purpose::Ambiguous, Some(at(13))));
    assert!(told.read(13, Kind::Subscription, "sub_1", active()).decide(&catalogue(), 14).reads.is_empty());
}

#[test]
fn a_key_survives_its_text_form() {
    for kind in Kind::ALL {
        let key = Key::new(&SourceId::new("stripe"), kind, "a:b_1");
        assert_eq!(Key::try_from(key.to_string()), Ok(key));
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    assert!(Key::try_from("stripe:thing:1".to_owned()).is_err());
    assert!(Key::try_from("stripe".to_owned()).is_err());
}

#[test]
fn what_the_source_told_is_better_than_a_row_of_an_export_whichever_came_first() {
    let row = |seconds, status| {
        let mut row = told(Learnt::Event, seconds, status);
        if let Some(version) = &mut row.event {
            version.evidence.origin = format!("{IMPORTED}subscription");
        }
        row
    };
    // The file was saved an hour after the source had told of the missing payment.
    for (seconds, status, counts) in
        [(3_600, S::Active, S::Unpaid), (5, S::Active, S::Unpaid), (5, S::Canceled, S::Canceled)]
    {
        let (event, row) = (told(Learnt::Event, 60, S::Unpaid), row(seconds, status));
        let (one, other) = (event.clone().join(row.clone()), row.join(event));
        assert_eq!(one, other);
        let Body::Subscription(subscription) = &one.current().version.body else { panic!("a subscription") };
        assert_eq!(subscription.status, counts);
    }
}
