//! `[[plans]]`, `[entitlements.…]` and `[catalogue]`: what is sold, what it grants, and what that means.

use super::reader::{Found, Reader, Section};
use super::target::Configured;
use super::tree::{Table, Value};
use super::written::Lines;
use crate::errors::{Code, Place, Report};
use frontdesk_core::catalogue::{Good, Meaning, OnDispute, OnPause, OnTrial, PartialRefund, Plan, Policy};
use frontdesk_core::id::{EntitlementId, PlanId, SourceId};
use frontdesk_core::target::Item;
use std::collections::{BTreeMap, BTreeSet};

/// The sources whose prices a plan can name.
const SOURCES: [&str; 1] = ["stripe"];

const PARTIAL_REFUND: [(&str, PartialRefund); 2] =
    [("keep", PartialRefund::Keep), ("revoke", PartialRefund::Revoke)];
const DISPUTE: [(&str, OnDispute); 2] = [("suspend", OnDispute::Suspend), ("keep", OnDispute::Keep)];
const TRIAL: [(&str, OnTrial); 2] = [("grant", OnTrial::Grant), ("wait", OnTrial::Wait)];
const PAUSE: [(&str, OnPause); 2] = [("keep", OnPause::Keep), ("suspend", OnPause::Suspend)];

/// What the three parts say together.
pub(super) struct Parts {
    pub(super) plans: Vec<Plan>,
    pub(super) entitlements: BTreeMap<EntitlementId, Meaning>,
    pub(super) ignore: BTreeSet<Good>,
    pub(super) lines: Lines,
}

/// The keys of a plan that say what a policy is.
const POLICIES: [&str; 5] = ["grace", "partial_refund", "dispute", "trial", "pause"];

/// What the plans named, to be compared with the rest of the file once all of it has been read.
#[derive(Default)]
struct Named {
    /// The plans' ids.
    ids: BTreeSet<String>,
    /// The plan that sells each good.
    goods: BTreeMap<Good, String>,
    /// Every entitlement that a plan grants, with the place.
    grants: Vec<Found<String>>,
    /// Where it all stands.
    lines: Lines,
}

/// Whether a key names prices or products.
#[derive(Clone, Copy)]
enum Kind {
    Price,
    Product,
    Either,
}

impl Reader<'_> {
    /// Reads all three. What is wrong is reported; what is right is in the answer.
    pub(super) fn catalogue(&mut self, root: &mut Section<'_>, configured: Configured) -> Parts {
        let mut named =
            Named { lines: Lines { file: self.file.clone(), ..Lines::default() }, ..Named::default() };
        let defaults = Reader::defaults_of_each(root, "plans");
        let mut plans = Vec::new();
        for (n, (line, table)) in self.tables(root, "plans").into_iter().enumerate() {
            plans.extend(self.plan(n, line, table, defaults, &mut named));
        }
        let entitlements = self.entitlements(root, configured);
        self.grants_and_entitlements_agree(root, &named.grants, &entitlements);

        let mut section = self.section(root, "catalogue");
        let mut ignore = BTreeSet::new();
        for found in self.texts(&mut section, "ignore") {
            let at = found.at.clone();
            let Some(good) = self.ignored(found) else { continue };
            if let Some(plan) = named.goods.get(&good) {
                let message = format!("`{good}` is ignored, and plan `{plan}` sells it");
                self.report(
                    Report::error(Code::GoodTwice, message).at(at).hint("take it out of one of the two"),
                );
            }
            ignore.insert(good);
        }
        self.finish(&section);
        let entitlements = entitlements.into_iter().map(|(id, (meaning, _))| (id, meaning)).collect();
        Parts { plans, entitlements, ignore, lines: named.lines }
    }

    fn plan(
        &mut self,
        n: usize,
        line: usize,
        table: &Table,
        defaults: Option<&Table>,
        named: &mut Named,
    ) -> Option<Plan> {
        // Named after its id where it has one: "plans.pro.grace" says more than "plans[0].grace".
        let path = match table.get("id").map(|node| &node.value) {
            Some(Value::Text(id)) if is_name(id) => format!("plans.{id}"),
            _ => format!("plans[{n}]"),
        };
        let mut section = Section::new(path, line, table, defaults);
        let id =
            self.required_text(&mut section, "id", "a short name: id = \"pro\"").and_then(|id| self.name(id));
        let title = self.text(&mut section, "title");
        let prices = self.texts(&mut section, "prices");
        let products = self.texts(&mut section, "products");
        let grants = self.texts(&mut section, "grants");
        let beneficiary = self.text(&mut section, "beneficiary");
        let grace = self.duration(&mut section, "grace");
        let revoke_within = self.interval(&mut section, "revoke_within");
        let partial_refund = self.choice(&mut section, "partial_refund", &PARTIAL_REFUND);
        let dispute = self.choice(&mut section, "dispute", &DISPUTE);
        let trial = self.choice(&mut section, "trial", &TRIAL);
        let pause = self.choice(&mut section, "pause", &PAUSE);
        self.finish(&section);

        if !section.gives("prices") && !section.gives("products") {
            self.missing(&section, "prices", "what sells it: prices = [\"stripe:price_1Pro\"]");
        }
        if grants.is_empty() && !section.gives("grants") {
            self.missing(&section, "grants", "what it grants: grants = [\"community\"]");
        }
        if let Some(id) = &id
            && !named.ids.insert(id.value.clone())
        {
            let report = Report::error(Code::PlanTwice, format!("two plans are called `{}`", id.value));
            self.report(report.at(id.at.clone()).hint("give each plan an id of its own"));
        }
        let label = id.as_ref().map_or_else(|| format!("number {}", n + 1), |id| id.value.clone());
        let mut goods = BTreeSet::new();
        let kinds = prices.into_iter().map(|found| (found, Kind::Price));
        for (found, kind) in kinds.chain(products.into_iter().map(|found| (found, Kind::Product))) {
            let at = found.at.clone();
            let Some(good) = self.good(&found, kind) else { continue };
            if let Some(other) = named.goods.insert(good.clone(), label.clone()) {
                let message = if other == label {
                    format!("`{good}` stands twice in plan `{label}`")
                } else {
                    format!("`{good}` is sold by plan `{other}` and by plan `{label}`")
                };
                let hint = "a price belongs to one plan; a plan can grant several entitlements";
                self.report(Report::error(Code::GoodTwice, message).at(at.clone()).hint(hint));
            }
            named.lines.goods.extend(at.line.map(|line| (good.clone(), line)));
            goods.insert(good);
        }
        let granted = grants.iter().map(|found| EntitlementId::new(&*found.value)).collect();
        named.grants.extend(grants);
        let id = id?.value;
        named.lines.plans.push((PlanId::new(&*id), line));
        for policy in POLICIES.into_iter().filter(|policy| section.gives(policy)) {
            let line = self.place_of(&section, policy).line;
            named.lines.policies.extend(line.map(|line| (PlanId::new(&*id), policy.to_owned(), line)));
        }
        Some(Plan {
            title: title.map_or_else(|| id.clone(), |title| title.value),
            id: PlanId::new(id),
            goods,
            grants: granted,
            policy: Policy {
                grace: grace?.value,
                revoke_within: revoke_within?,
                partial_refund: partial_refund?,
                dispute: dispute?,
                trial: trial?,
                pause: pause?,
            },
            beneficiary: beneficiary.map(|found| found.value),
        })
    }

    /// Each entitlement with the place of its section.
    fn entitlements(
        &mut self,
        root: &mut Section<'_>,
        configured: Configured,
    ) -> BTreeMap<EntitlementId, (Meaning, Place)> {
        let section = self.section(root, "entitlements");
        let mut entitlements = BTreeMap::new();
        for (name, line, node) in section.entries() {
            let at = self.place(Some(*line), format!("entitlements.{name}"));
            let Some(id) = self.name(Found { value: name.clone(), at: at.clone() }) else { continue };
            let Value::Table(table) = &node.value else {
                let message = format!("`entitlements.{name}` must be a section, not {}", node.value.kind());
                self.report(
                    Report::error(Code::WrongValue, message)
                        .at(at)
                        .hint(format!("write [entitlements.{name}]")),
                );
                continue;
            };
            let meaning =
                self.meaning(&mut Section::new(at.key.clone(), *line, table, None), name, configured);
            entitlements.insert(EntitlementId::new(id.value), (meaning, at));
        }
        entitlements
    }

    fn meaning(&mut self, section: &mut Section<'_>, name: &str, configured: Configured) -> Meaning {
        let title = self.text(section, "title").map_or_else(|| name.to_owned(), |title| title.value);
        let mut items = BTreeSet::new();

        let mut circle = self.section(section, "circle");
        let groups = self.ids(&mut circle, "access_groups");
        let spaces = self.ids(&mut circle, "spaces");
        self.finish(&circle);
        if circle.is_given() && !configured.circle {
            self.target_is_missing(section, "circle");
        }
        items.extend(groups.into_iter().map(|found| Item::CircleGroup(found.value)));
        items.extend(spaces.into_iter().map(|found| Item::CircleSpace(found.value)));

        let mut kit = self.section(section, "kit");
        let tags = self.texts(&mut kit, "tags");
        self.finish(&kit);
        if kit.is_given() && !configured.kit {
            self.target_is_missing(section, "kit");
        }
        for tag in tags {
            if tag.value.trim().is_empty() {
                let report = Report::error(Code::WrongValue, "a tag without a name").at(tag.at);
                self.report(report.hint("write the tag's name as Kit shows it: kit.tags = [\"member\"]"));
            } else {
                items.insert(Item::kit_tag(&tag.value));
            }
        }
        self.finish(section);
        Meaning { title, items }
    }

    fn target_is_missing(&mut self, section: &Section<'_>, target: &str) {
        let at = self.place_of(section, target);
        let message = format!("`{}` names something in a target that is not configured", at.key);
        let report = Report::error(Code::TargetNotConfigured, message).at(at);
        self.report(report.hint(format!("add a section [targets.{target}], or take the line out")));
    }

    fn grants_and_entitlements_agree(
        &mut self,
        root: &Section<'_>,
        grants: &[Found<String>],
        entitlements: &BTreeMap<EntitlementId, (Meaning, Place)>,
    ) {
        for grant in grants {
            if entitlements.contains_key(&EntitlementId::new(&*grant.value)) {
                continue;
            }
            let message = format!("there is no entitlement `{}`", grant.value);
            let nearest = entitlements
                .keys()
                .map(|id| (strsim::damerau_levenshtein(id.as_str(), &grant.value), id))
                .filter(|(edits, _)| *edits <= 2)
                .min();
            let hint = match nearest {
                Some((_, id)) => format!("did you mean `{id}`?"),
                None => format!("add a section [entitlements.{}]", grant.value),
            };
            self.report(Report::error(Code::UnknownEntitlement, message).at(grant.at.clone()).hint(hint));
        }
        for (id, (_, at)) in entitlements {
            if !grants.iter().any(|grant| grant.value == id.as_str()) {
                let message = format!("no plan grants `{id}`");
                let hint = "add it to the `grants` of a plan; until then nothing gives it";
                self.report(Report::warning(Code::UngrantedEntitlement, message).at(at.clone()).hint(hint));
            }
        }
        if !root.gives("plans") {
            let message = "there is no plan, so every purchase is one that nothing maps";
            let at = self.place(None, "plans");
            self.report(Report::error(Code::MissingKey, message).at(at).hint("add a section [[plans]]"));
        }
    }

    /// `stripe:price_…` or `stripe:prod_…`.
    fn good(&mut self, found: &Found<String>, kind: Kind) -> Option<Good> {
        let text = found.value.trim();
        let (source, id) = text.split_once(':').unwrap_or(("", text));
        let at = || found.at.clone();
        if source.is_empty() || id.is_empty() || !SOURCES.contains(&source) {
            let message = format!("`{text}` does not say which source sells it");
            let id = if id.is_empty() { "price_…" } else { id };
            let report = Report::error(Code::GoodWithoutSource, message).at(at());
            self.report(report.hint(format!("write \"stripe:{id}\"")));
            return None;
        }
        let wrong = match kind {
            Kind::Price if id.starts_with("prod_") => Some(("a product among the prices", "products")),
            Kind::Product if id.starts_with("price_") => Some(("a price among the products", "prices")),
            _ => None,
        };
        if let Some((what, key)) = wrong {
            let report = Report::error(Code::WrongValue, format!("`{text}` is {what}")).at(at());
            self.report(report.hint(format!("write {key} = [\"{text}\"]")));
            return None;
        }
        Some(Good { source: SourceId::new(source), id: id.to_owned() })
    }

    /// As [`Reader::good`]; a bare `price_…` or `prod_…` is Stripe's, since no other source uses those prefixes.
    fn ignored(&mut self, mut found: Found<String>) -> Option<Good> {
        if found.value.starts_with("price_") || found.value.starts_with("prod_") {
            found.value.insert_str(0, "stripe:");
        }
        self.good(&found, Kind::Either)
    }

    /// A name that can stand in URLs, commands and keys.
    fn name(&mut self, found: Found<String>) -> Option<Found<String>> {
        if is_name(&found.value) {
            return Some(found);
        }
        let report =
            Report::error(Code::WrongValue, format!("`{}` cannot be a name", found.value)).at(found.at);
        self.report(report.hint("names are made of a–z, 0–9, `-` and `_`, 64 letters at most"));
        None
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}
