//! What there is to see in a town: at the providers, on the pages, in the record.

use super::Town;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::Target;
use frontdesk_engine::subject::summary;
use frontdesk_store::{CustomerRow, EntryFilter, EntryKind, SyncFilter};
use frontdesk_web::mint_status_link;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// More rows than any test makes.
const ALL: u32 = 5_000;

/// The rows of a list in a document.
pub(super) fn rows<'a>(state: &'a Value, path: &str) -> Vec<&'a Value> {
    state.pointer(path).and_then(Value::as_array).into_iter().flatten().collect()
}

/// A text in a document.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

impl Town {
    /// The addresses of those in one of Circle's access groups.
    pub(crate) fn in_group(&self, group: u64) -> BTreeSet<String> {
        let state = self.state();
        let members = rows(&state, "/circle/members");
        let inside =
            members.iter().filter(|member| rows(member, "/groups").iter().any(|held| **held == group));
        inside.map(|member| text(&member["email"]).to_owned()).collect()
    }

    /// The addresses of those who have a tag in Kit.
    pub(crate) fn tagged(&self, tag: &str) -> BTreeSet<String> {
        let state = self.state();
        let id = rows(&state, "/kit/tags")
            .into_iter()
            .find(|row| row["name"] == tag)
            .map(|row| row["id"].to_string());
        let Some(id) = id else { return BTreeSet::new() };
        let subscribers = rows(&state, "/kit/subscribers");
        let tagged = subscribers.iter().filter(|row| row["tags"].get(&id).is_some());
        tagged.map(|row| text(&row["email_address"]).to_owned()).collect()
    }

    /// To whom Circle sent invitations, in order.
    pub(crate) fn invited(&self) -> Vec<String> {
        let state = self.state();
        rows(&state, "/circle/invitations").iter().map(|row| text(&row["email"]).to_owned()).collect()
    }

    /// What a provider was asked, one line each: method, path, whom about, answer. The list of events, which
    /// Frontdesk asks for again and again, is left out.
    pub(crate) fn calls(&self, provider: &str) -> Vec<String> {
        let state = self.state();
        let requests = rows(&state, &format!("/{provider}/requests"));
        requests.into_iter().filter(|request| request["path"] != "/v1/events").map(line).collect()
    }

    /// When a provider first did something like this line of [`Town::calls`].
    pub(crate) fn done_at(&self, provider: &str, like: &str) -> Option<Timestamp> {
        let state = self.state();
        let requests = rows(&state, &format!("/{provider}/requests"));
        let did = requests.into_iter().find(|request| request["did"] == true && line(request).contains(like));
        did.map(|request| text(&request["at"]).parse().unwrap())
    }

    /// The ids of the customers, provisional ones left out.
    pub(crate) fn customers(&self) -> Vec<CustomerRow> {
        let rows = self.ask(self.engine().store().customers(None, None, ALL)).unwrap();
        rows.into_iter().filter(|row| !row.is_provisional).collect()
    }

    /// The one customer whom an address leads to; `None` while there is none, or not yet one alone: the events of one
    /// purchase arrive one by one.
    pub(crate) fn customer(&self, email: &str) -> Option<CustomerId> {
        let found = self.ask(self.engine().store().find_customers(email, 2)).unwrap();
        <[CustomerId; 1]>::try_from(found).ok().map(|[customer]| customer)
    }

    /// The stages that the one customer of an address sees now, most urgent first.
    pub(crate) fn stages(&self, email: &str) -> Vec<String> {
        let Some(customer) = self.customer(email) else { return Vec::new() };
        let Some(row) = self.ask(self.engine().store().customer(&customer)).unwrap() else {
            return Vec::new();
        };
        let mut stages: Vec<_> = summary(&row).stages.into_iter().map(|of| of.stage).collect();
        stages.sort_unstable();
        stages.into_iter().map(|stage| stage.to_string()).collect()
    }

    /// Waits until the customer sees just these stages, in the time that it takes.
    pub(crate) fn until_stages(&self, email: &str, stages: &[&str]) {
        self.until(&format!("{email} at {stages:?}"), |town| (town.stages(email) == stages).then_some(()));
    }

    /// The same, jumping over what would only be waiting.
    pub(crate) fn soon_stages(&self, email: &str, stages: &[&str]) {
        self.soon(&format!("{email} at {stages:?}"), |town| (town.stages(email) == stages).then_some(()));
    }

    /// The stages that the page after a checkout shows: the answer at its head first.
    pub(crate) fn page(&self, bought: &Value) -> Vec<String> {
        let url = format!("{}/welcome?session_id={}", self.site(), text(&bought["session"]));
        let answer = self.http("GET", &url, &[], "");
        assert_eq!(answer.status(), 200, "{url}");
        shown(&answer)
    }

    /// Waits until that page shows just these stages: the checkout may be taken in after the rest of the purchase.
    pub(crate) fn until_page(&self, bought: &Value, stages: &[&str]) {
        let shows = |town: &Self| (town.page(bought) == stages).then_some(());
        self.until(&format!("a page with {stages:?}"), shows);
    }

    /// The stages on the customer's own page, which they open with a link.
    pub(crate) fn status_page(&self, email: &str) -> Vec<String> {
        let customer = self.customer(email).unwrap();
        let link = self.ask(mint_status_link(self.engine(), &self.site(), &customer)).unwrap().unwrap();
        let entered = self.http("GET", &link, &[], "");
        let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let answer = self.http("GET", &format!("{}/status", self.site()), &[("cookie", &cookie)], "");
        assert_eq!(answer.status(), 200);
        shown(&answer)
    }

    /// The row of one customer at one target.
    pub(crate) fn sync(&self, email: &str, target: Target) -> Option<Sync> {
        let customer = self.customer(email)?;
        self.ask(self.engine().store().syncs(&customer)).unwrap().remove(&target)
    }

    /// All rows of one target.
    pub(crate) fn syncs(&self, target: Target) -> Vec<Sync> {
        let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
        self.ask(self.engine().store().sync_list(&filter, None, ALL)).unwrap()
    }

    /// Kind and subject of every open alert.
    pub(crate) fn alerts(&self) -> Vec<String> {
        let alerts = self.ask(self.engine().store().open_alerts()).unwrap();
        let mut lines: Vec<_> =
            alerts.iter().map(|alert| format!("{} {}", alert.kind, alert.subject)).collect();
        lines.sort();
        lines
    }

    /// How many events the journal holds, and how often they were delivered in all.
    pub(crate) fn deliveries(&self) -> (usize, i64) {
        let entries =
            self.ask(self.engine().store().journal_list(&EntryFilter::default(), None, ALL)).unwrap();
        let events = entries.iter().filter(|entry| entry.kind == EntryKind::Event);
        events.fold((0, 0), |(events, deliveries), entry| (events + 1, deliveries + entry.deliveries))
    }

    /// The statuses that Frontdesk answered webhooks with, in order.
    pub(crate) fn answers(&self) -> Vec<u64> {
        let state = self.state();
        let attempts =
            rows(&state, "/deliveries").into_iter().flat_map(|delivery| rows(delivery, "/attempts"));
        attempts.filter_map(|attempt| attempt["status"].as_u64()).collect()
    }

    /// What `/readyz` says: the status, and the document.
    pub(crate) fn readyz(&self) -> (u16, Value) {
        let answer = self.http("GET", &format!("{}/readyz", self.site()), &[], "");
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    /// How things stand, for somebody who wonders why something was not seen.
    pub(super) fn described(&self) -> String {
        let calls: Vec<_> =
            ["stripe", "circle", "kit"].map(|provider| (provider, self.calls(provider))).into();
        if self.desk.is_none() {
            return format!("{calls:#?}");
        }
        let people: Vec<_> =
            self.customers().iter().map(|row| (row.id.clone(), row.summary.to_string())).collect();
        let syncs: Vec<_> = Target::ALL.into_iter().flat_map(|target| self.syncs(target)).collect();
        format!("{calls:#?}\n{people:#?}\n{syncs:#?}\n{:#?}\n{:?}", self.alerts(), self.answers())
    }
}

/// The stages that a page names, in order.
fn shown(answer: &http::Response<Vec<u8>>) -> Vec<String> {
    let page = String::from_utf8_lossy(answer.body());
    page.split("data-stage=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// One request as a line.
fn line(request: &Value) -> String {
    let path = text(&request["path"]);
    let path = ["/api/admin/v2/", "/v4/", "/v1/"]
        .into_iter()
        .find_map(|base| path.strip_prefix(base))
        .unwrap_or(path);
    let body = serde_json::from_str(text(&request["body"])).unwrap_or(Value::Null);
    let of_body = ["email", "email_address"].iter().find_map(|name| body.get(name).and_then(Value::as_str));
    let mut of_query = rows(request, "/query").into_iter().filter(|pair| pair[0] == "email");
    let whom = of_body.or_else(|| of_query.next().and_then(|pair| pair[1].as_str()));
    let end = match (request["status"].as_u64(), request["fault"].as_str()) {
        (status, Some(fault)) => {
            format!("{fault}{}", status.map(|status| format!(" {status}")).unwrap_or_default())
        }
        (Some(status), None) => status.to_string(),
        (None, None) => "no answer".to_owned(),
    };
    let words = [Some(text(&request["method"])), Some(path), whom, Some(end.as_str())];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
