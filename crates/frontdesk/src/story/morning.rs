//! The beats: a member of last month, buyers of today, a forgery, an outage, a refund, a failed renewal.

use super::measure::{Span, asked};
use super::no_demo;
use super::stage::{Pace, Stage};
use crate::assemble::store_failed;
use crate::errors::Failure;
use frontdesk_core::stage::Stage as Seen;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The people of the story, by the first name in their address.
pub(super) const PEOPLE: [&str; 5] = ["ada", "ben", "cleo", "dan", "eva"];
/// How long ago the story begins: one period of a monthly subscription at the sandbox.
pub const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The address of a person.
pub(super) fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// What a purchase left behind at the sandbox.
struct Bought {
    at: Timestamp,
    answer: Value,
}

impl Bought {
    fn id(&self, name: &str) -> Result<&str, Failure> {
        self.answer[name].as_str().ok_or_else(|| no_demo(&format!("the sandbox's checkout made no `{name}`")))
    }
}

impl Stage<'_> {
    /// Plays all of it. Begin with the clock [`MONTH`] ago; it ends today.
    pub async fn morning(&mut self) -> Result<Vec<Span>, Failure> {
        let mut spans = Vec::new();
        self.teller.part("A month ago")?;
        let dan = self.a_member_of_last_month(&mut spans).await?;
        // Half a month at a time: a source lists its events for thirty days, and a longer sleep is an alert.
        for _ in 0..2 {
            self.jump(MONTH / 2).await?;
            self.engine.poll().await.map_err(|error| no_demo(&error.to_string()))?;
        }
        self.teller.part("This morning")?;
        self.a_renewal_fails(&dan).await?;
        self.somebody_from_the_community(&mut spans).await?;
        let ben = self.a_stranger(&mut spans).await?;
        self.twice_and_forged(&ben).await?;
        let course = self.a_known_member(&mut spans).await?;
        self.an_outage(&mut spans).await?;
        self.an_invitation_is_accepted().await?;
        self.a_refund(&course, &mut spans).await?;
        self.a_case().await?;
        self.a_renewal_recovers(&dan).await?;
        for name in PEOPLE {
            if name != "eva" {
                self.until_settled(&address(name), Pace::Jump).await?;
            }
        }
        self.until_quiet().await?;
        Ok(spans)
    }

    async fn buys(&self, name: &str, title: &str, price: &str) -> Result<Bought, Failure> {
        let at = self.now();
        let body = json!({ "email": address(name), "name": title, "price": price });
        let answer = self.act("stripe", "checkout", body).await?;
        Ok(Bought { at, answer })
    }

    /// Waits for the last of `groups` to be given to the person at Circle; gives when that was.
    async fn until_inside(
        &mut self,
        name: &str,
        groups: &[u64],
        since: Timestamp,
        pace: Pace,
    ) -> Result<Option<Timestamp>, Failure> {
        let what = format!("{} in Circle's groups {groups:?}", address(name));
        let paths: Vec<_> = groups
            .iter()
            .map(|group| format!("/api/admin/v2/access_groups/{group}/community_members"))
            .collect();
        self.until(&what, pace, async |on: &Self| {
            let state = on.sandbox_state().await?;
            let given: Vec<_> = paths
                .iter()
                .map(|path| asked(&state, "circle", "POST", path, &address(name), since))
                .collect();
            Ok(given.into_iter().collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max()))
        })
        .await
    }

    /// The calls to Circle about a person since an instant, and the span from payment to access.
    async fn inside(
        &mut self,
        name: &str,
        groups: &[u64],
        bought: &Bought,
        spans: &mut Vec<Span>,
    ) -> Result<(usize, i64), Failure> {
        let inside_at = self.until_inside(name, groups, bought.at, Pace::Wait).await?;
        self.until_settled(&address(name), Pace::Wait).await?;
        let span = Span::of("payment_to_access", bought.at, inside_at.unwrap_or_else(|| self.now()));
        let ms = span.ms;
        spans.push(span);
        Ok((self.circle_calls_about(name, bought.at).await?, ms))
    }

    async fn circle_calls_about(&self, name: &str, since: Timestamp) -> Result<usize, Failure> {
        let state = self.sandbox_state().await?;
        Ok(super::measure::calls_about(&state, "circle", &address(name), since))
    }

    async fn a_member_of_last_month(&mut self, spans: &mut Vec<Span>) -> Result<Bought, Failure> {
        self.act("circle", "member", json!({ "email": address("dan"), "name": "Dan Okafor" })).await?;
        self.act("circle", "member", json!({ "email": address("ada"), "name": "Ada Lindqvist" })).await?;
        self.act(
            "kit",
            "subscriber",
            json!({ "email": address("ada"), "first_name": "Ada", "tags": ["newsletter"] }),
        )
        .await?;
        self.teller.tell(self.now(), "Dan is in the Circle community as a guest. He pays $49.00 for Pro.")?;
        let dan = self.buys("dan", "Dan Okafor", "price_1Pro").await?;
        self.until_stage(&address("dan"), Seen::Active, Pace::Wait).await?;
        let (calls, ms) = self.inside("dan", &[4012, 4013], &dan, spans).await?;
        self.teller.tell(
            self.now(),
            &format!(
                "Dan is in: both access groups were given and seen, {ms} ms after his payment, with {calls} calls to \
                 Circle. In Kit he has the tags “member” and “pro”."
            ),
        )?;
        Ok(dan)
    }

    async fn a_renewal_fails(&mut self, dan: &Bought) -> Result<(), Failure> {
        self.teller.tell(self.now(), "Dan's bank declines the $49.00 of his second month.")?;
        self.act("stripe", "renewal_fail", json!({ "subscription": dan.id("subscription")? })).await?;
        let stage = self.until_stage(&address("dan"), Seen::PastDue, Pace::Wait).await?;
        let until = stage.and_then(|of| of.until);
        let until = until.map_or_else(|| "its grace ends".to_owned(), |at| self.teller.clock(at, self.now()));
        self.teller.because(&format!(
            "His page says so, with the link to pay. He keeps his access until {until}: the plan's grace period."
        ))
    }

    async fn somebody_from_the_community(&mut self, spans: &mut Vec<Span>) -> Result<(), Failure> {
        self.teller.tell(
            self.now(),
            "Ada pays $29.00 for Community. She is in Circle already, which Frontdesk has not seen yet.",
        )?;
        let ada = self.buys("ada", "Ada Lindqvist", "price_1Community").await?;
        self.until_stage(&address("ada"), Seen::Active, Pace::Wait).await?;
        let (calls, ms) = self.inside("ada", &[4012], &ada, spans).await?;
        self.teller.tell(
            self.now(),
            &format!(
                "Ada is in, {ms} ms after her payment. {calls} calls to Circle: one gave the group, one learnt who she \
                 is there. No invitation, since she needs none."
            ),
        )
    }

    async fn a_stranger(&mut self, spans: &mut Vec<Span>) -> Result<Bought, Failure> {
        self.teller.tell(self.now(), "Ben, whom Circle does not know, pays $49.00 for Pro.")?;
        let ben = self.buys("ben", "Ben Castellanos", "price_1Pro").await?;
        self.until_stage(&address("ben"), Seen::InviteSent, Pace::Wait).await?;
        let (calls, ms) = self.inside("ben", &[4012, 4013], &ben, spans).await?;
        self.teller.tell(
            self.now(),
            &format!(
                "Circle invited Ben and gave him both groups, {ms} ms after his payment, in {calls} calls. His page \
                 says “invite sent”, not “you're in”: he has not accepted."
            ),
        )?;
        Ok(ben)
    }

    async fn twice_and_forged(&mut self, ben: &Bought) -> Result<(), Failure> {
        let events = ben.answer["events"].as_array().cloned().unwrap_or_default();
        let last = events.last().cloned().unwrap_or(Value::Null);
        self.teller
            .tell(self.now(), "Stripe delivers Ben's purchase twice more, as it does now and then.")?;
        let before = super::measure::duplicates(self).await?;
        self.act("stripe", "redeliver", json!({ "event": last, "times": 2 })).await?;
        self.until("the two repeated deliveries counted", Pace::Wait, async |on: &Self| {
            Ok((super::measure::duplicates(on).await? >= before + 2).then_some(()))
        })
        .await?;
        self.teller.because(
            "Both were answered 200 and counted, and nothing else happened: one event, one effect.",
        )?;
        self.teller
            .tell(self.now(), "Somebody sends a forged purchase, signed with a secret of their own.")?;
        let rows = self.engine.store().balance().await.map_err(|error| store_failed(&error))?.rows;
        let forged = json!({
            "type": "checkout.session.completed", "sign": "wrong",
            "object": { "id": "cs_live_forged", "object": "checkout.session", "customer_details": { "email": "mallory@example.com" } },
        });
        self.act("stripe", "event", forged).await?;
        self.until("the forgery refused", Pace::Wait, async |on: &Self| {
            Ok((super::measure::rejected(&on.sandbox_state().await?) > 0).then_some(()))
        })
        .await?;
        let after = self.engine.store().balance().await.map_err(|error| store_failed(&error))?.rows;
        if after != rows {
            self.problems.push("the forged webhook left something in the journal".to_owned());
        }
        self.teller.because("It was answered 401. Nothing of it was stored, and nobody got in.")
    }

    async fn a_known_member(&mut self, spans: &mut Vec<Span>) -> Result<Bought, Failure> {
        self.teller.tell(self.now(), "Ada buys the course for $249.00, once.")?;
        let course = self.buys("ada", "Ada Lindqvist", "price_1Course").await?;
        let (calls, ms) = self.inside("ada", &[4014], &course, spans).await?;
        self.teller.tell(
            self.now(),
            &format!("She is in the course {ms} ms later. Frontdesk knows her by now, so it took {calls} call to Circle."),
        )?;
        Ok(course)
    }

    async fn an_outage(&mut self, spans: &mut Vec<Span>) -> Result<(), Failure> {
        self.break_circle().await?;
        self.teller.tell(
            self.now(),
            "Circle has an outage: every call is answered 503. Cleo pays $29.00 for Community.",
        )?;
        let cleo = self.buys("cleo", "Cleo Marchetti", "price_1Community").await?;
        let pending = self.until_stage(&address("cleo"), Seen::AccessPending, Pace::Wait).await?;
        let next = pending.as_ref().and_then(|of| of.next_try_at);
        let next =
            next.map_or_else(|| "soon".to_owned(), |at| format!("at {}", self.teller.clock(at, self.now())));
        self.teller.because(&format!(
            "Her payment is safe. Her page says “access pending”, since when, and that the next try is {next}. Kit, \
             which works, has her tag already."
        ))?;
        self.heal().await?;
        self.teller
            .tell(self.now(), "Circle is back. The next try is due, and nobody has to press anything.")?;
        let inside_at = self.until_inside("cleo", &[4012], cleo.at, Pace::Jump).await?;
        self.until_stage(&address("cleo"), Seen::InviteSent, Pace::Jump).await?;
        let span = Span::of("payment_to_access_in_outage", cleo.at, inside_at.unwrap_or_else(|| self.now()));
        let seconds = span.ms / 1_000;
        spans.push(span);
        self.teller.tell(
            self.now(),
            &format!(
                "Circle invited Cleo and gave her the group, {seconds} s after her payment: a 503 does not prove that \
                 nothing was done, so Frontdesk looks twice before it invites. (The demo's clock jumped over that.)"
            ),
        )
    }

    async fn an_invitation_is_accepted(&mut self) -> Result<(), Failure> {
        self.teller
            .tell(self.now(), "Ben opens Circle's mail and accepts. A little later he looks at his page.")?;
        self.act("circle", "confirm", json!({ "email": address("ben") })).await?;
        self.jump(frontdesk_engine::acts::LOOK_EVERY + SignedDuration::from_secs(1)).await?;
        let page = self.opens_page(&address("ben")).await?;
        if !page.contains("data-stage=\"invite_sent\"") {
            self.problems.push("Ben's page did not say `invite_sent` before the look".to_owned());
        }
        self.until_stage(&address("ben"), Seen::Active, Pace::Wait).await?;
        self.teller.tell(
            self.now(),
            "The look was worth one call to Circle. His page turns to “you're in” by itself.",
        )
    }

    async fn a_refund(&mut self, course: &Bought, spans: &mut Vec<Span>) -> Result<(), Failure> {
        self.teller.tell(self.now(), "You refund Ada's course in Stripe.")?;
        let since = self.now();
        self.act("stripe", "refund", json!({ "session": course.id("session")? })).await?;
        self.until_stage(&address("ada"), Seen::Refunded, Pace::Wait).await?;
        let path = "/api/admin/v2/access_groups/4014/community_members";
        let gone_at = self
            .until("Ada out of the course's group", Pace::Jump, async |on: &Self| {
                Ok(asked(&on.sandbox_state().await?, "circle", "DELETE", path, &address("ada"), since))
            })
            .await?;
        let span = Span::of("refund_to_revoke", since, gone_at.unwrap_or_else(|| self.now()));
        let ms = span.ms;
        spans.push(span);
        self.until_settled(&address("ada"), Pace::Jump).await?;
        self.teller.tell(
            self.now(),
            &format!(
                "Frontdesk asked Stripe once more whether that is so, and took Ada out of the course {ms} ms later: never \
                 on one message alone. Her community stays."
            ),
        )
    }

    async fn a_case(&mut self) -> Result<(), Failure> {
        self.teller
            .tell(self.now(), "Eva buys a $99.00 mystery box, which no plan in frontdesk.toml sells.")?;
        self.buys("eva", "Eva Brandt", "price_1Mystery").await?;
        self.until_stage(&address("eva"), Seen::SupportReview, Pace::Wait).await?;
        let case = self
            .until("a case for Eva", Pace::Wait, async |on: &Self| {
                let Some(customer) = on.customer(&address("eva")).await? else { return Ok(None) };
                let cases =
                    on.engine.store().open_cases(&customer).await.map_err(|error| store_failed(&error))?;
                Ok(cases.first().map(|case| case.number))
            })
            .await?;
        let case = case.map_or_else(|| "a case".to_owned(), |number| format!("case FD-{number}"));
        self.teller.because(&format!(
            "Nobody guesses what she should get: {case} is open for you, and her page says that support looks at it."
        ))
    }

    async fn a_renewal_recovers(&mut self, dan: &Bought) -> Result<(), Failure> {
        self.teller.tell(self.now(), "Dan follows the link and pays with another card.")?;
        self.act("stripe", "renewal_recover", json!({ "subscription": dan.id("subscription")? })).await?;
        self.until("Dan in good standing again", Pace::Wait, async |on: &Self| {
            let stages = on.stages(&address("dan")).await?;
            Ok((!stages.is_empty() && stages.iter().all(|of| of.stage == Seen::Active)).then_some(()))
        })
        .await?;
        self.teller.because("He was never out, and his page says that all is well.")
    }
}
