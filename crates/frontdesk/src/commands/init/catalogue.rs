//! A catalogue, proposed by the likeness of names: a product called “Pro” probably gives the access group “Pro”.
//!
//! A proposal is a beginning for a person to read. What nothing is like is left out: its buyers would have a case,
//! which is safe, while a wrong guess would let people in.

use super::answers::asked;
use super::survey::Survey;
use crate::errors::Failure;
use frontdesk_core::target::Item;
use frontdesk_providers::stripe::answer::Price;
use inquire::MultiSelect;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How alike two words must be, of at most 1.
const ALIKE: f64 = 0.9;
/// Words by which a plain membership goes, on whichever side.
const MEMBERSHIP: [&str; 5] = ["community", "member", "members", "membership", "memberships"];

/// A whole proposal.
pub(super) struct Proposal {
    pub(super) plans: Vec<ProposedPlan>,
    /// Products that give nothing, in words.
    pub(super) left_out: Vec<String>,
}

/// One plan, and the entitlement of the same name.
pub(super) struct ProposedPlan {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) prices: Vec<String>,
    pub(super) gives: Vec<Choice>,
}

/// Something that a target holds, with the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) item: Item,
    pub(super) name: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            Item::CircleGroup(id) => write!(f, "Circle access group “{}” ({id})", self.name),
            Item::CircleSpace(id) => write!(f, "Circle space “{}” ({id})", self.name),
            Item::KitTag(_) => write!(f, "Kit tag “{}”", self.name),
        }
    }
}

/// Everything that can be given.
fn choices(survey: &Survey) -> Vec<Choice> {
    let circle = survey.circle.iter().flat_map(|circle| {
        let groups = circle
            .groups
            .iter()
            .map(|group| Choice { item: Item::CircleGroup(group.id), name: group.name.clone() });
        groups.chain(
            circle
                .spaces
                .iter()
                .map(|space| Choice { item: Item::CircleSpace(space.id), name: space.name.clone() }),
        )
    });
    let kit = survey.kit.iter().flat_map(|kit| kit.tags.iter());
    circle.chain(kit.map(|tag| Choice { item: Item::kit_tag(&tag.name), name: tag.name.clone() })).collect()
}

/// Proposes a plan for each product on sale.
pub(super) fn propose(site: &str, survey: &Survey) -> Proposal {
    proposed(site, &survey.stripe.prices, &choices(survey))
}

fn proposed(site: &str, prices: &[Price], choices: &[Choice]) -> Proposal {
    let mut products: BTreeMap<String, Vec<&Price>> = BTreeMap::new();
    for price in prices {
        let name =
            price.product_name.clone().or_else(|| price.nickname.clone()).unwrap_or_else(|| price.id.clone());
        products.entry(name).or_default().push(price);
    }
    let common = words(site);
    let has_groups = choices.iter().any(|choice| matches!(choice.item, Item::CircleGroup(_)));
    let mut proposal = Proposal { plans: Vec::new(), left_out: Vec::new() };
    let mut ids = BTreeSet::new();
    for (name, prices) in products {
        // The site's own name is in most product names and says nothing.
        let telling: BTreeSet<_> = words(&name).difference(&common).cloned().collect();
        let gives: Vec<_> = choices
            .iter()
            // Where a community has access groups, spaces follow from them.
            .filter(|choice| !(has_groups && matches!(choice.item, Item::CircleSpace(_))))
            .filter(|choice| is_alike(&telling, &words(&choice.name)))
            .cloned()
            .collect();
        if gives.is_empty() {
            let of = prices.iter().map(|price| price.id.as_str()).collect::<Vec<_>>().join(", ");
            proposal.left_out.push(format!("“{name}” ({of})"));
            continue;
        }
        // Of the words of its name those count first that what it gives has as well.
        let given: BTreeSet<_> = gives.iter().flat_map(|choice| words(&choice.name)).collect();
        let word = telling.intersection(&given).next().or_else(|| telling.first());
        let mut id = slug(word.map_or(name.as_str(), String::as_str));
        while !ids.insert(id.clone()) {
            id.push('x');
        }
        let prices = prices.iter().map(|price| price.id.clone()).collect();
        proposal.plans.push(ProposedPlan { id, title: name, prices, gives });
    }
    proposal
}

/// Words in lower case, without marks.
fn words(name: &str) -> BTreeSet<String> {
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| word.len() > 1).map(str::to_lowercase).collect()
}

/// Whether a name that was sold is like the name of something that can be given: each word of the latter is there.
fn is_alike(sold: &BTreeSet<String>, given: &BTreeSet<String>) -> bool {
    let is_membership = |word: &str| MEMBERSHIP.contains(&word);
    let same =
        |a: &str, b: &str| (is_membership(a) && is_membership(b)) || strsim::jaro_winkler(a, b) >= ALIKE;
    !given.is_empty() && given.iter().all(|word| sold.iter().any(|sold| same(sold, word)))
}

/// A name as ids are written.
fn slug(name: &str) -> String {
    let slug: String = name
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    let slug = slug.trim_matches('_');
    if slug.is_empty() { "plan".to_owned() } else { slug.to_owned() }
}

impl Proposal {
    /// Lets whoever sits at the terminal correct what each product gives.
    pub(super) fn ask(&mut self, survey: &Survey) -> Result<(), Failure> {
        let choices = choices(survey);
        if choices.is_empty() {
            return Ok(());
        }
        for plan in &mut self.plans {
            let proposed: Vec<_> = choices
                .iter()
                .enumerate()
                .filter(|(_, choice)| plan.gives.contains(choice))
                .map(|(n, _)| n)
                .collect();
            let question = format!("What does “{}” give?", plan.title);
            plan.gives =
                asked(MultiSelect::new(&question, choices.clone()).with_default(&proposed).prompt())?;
        }
        let (kept, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.plans).into_iter().partition(|plan| !plan.gives.is_empty());
        self.plans = kept;
        self.left_out
            .extend(left.into_iter().map(|plan| format!("“{}” ({})", plan.title, plan.prices.join(", "))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(id: &str, product: &str) -> Price {
        Price {
            id: id.to_owned(),
            product: None,
            product_name: Some(product.to_owned()),
            nickname: None,
            amount: None,
            interval: None,
        }
    }

    fn group(id: u64, name: &str) -> Choice {
        Choice { item: Item::CircleGroup(id), name: name.to_owned() }
    }

    #[test]
    fn a_product_gives_what_is_called_like_it_and_nothing_else() {
        let prices = [
            price("price_1", "Northwind Makers Community"),
            price("price_2", "Northwind Makers Pro"),
            price("price_3", "Course: Pricing Your Workshop"),
            price("price_4", "Mystery box"),
            price("price_5", "Northwind Makers Pro"),
        ];
        let choices = [
            group(4012, "Members"),
            group(4013, "Pro"),
            group(4014, "Courses"),
            Choice { item: Item::CircleSpace(7), name: "Pro".to_owned() },
            Choice { item: Item::kit_tag("pro"), name: "pro".to_owned() },
        ];
        let proposal = proposed("Northwind Makers", &prices, &choices);
        let plans: Vec<_> = proposal
            .plans
            .iter()
            .map(|plan| {
                let gives: Vec<_> = plan.gives.iter().map(|choice| choice.item.to_string()).collect();
                (plan.id.as_str(), plan.prices.join(" "), gives.join(" "))
            })
            .collect();
        assert_eq!(
            plans,
            [
                ("course", "price_3".to_owned(), "circle:group:4014".to_owned()),
                ("community", "price_1".to_owned(), "circle:group:4012".to_owned()),
                ("pro", "price_2 price_5".to_owned(), "circle:group:4013 kit:tag:pro".to_owned()),
            ]
        );
        assert_eq!(proposal.left_out, ["“Mystery box” (price_4)"]);
    }

    #[test]
    fn a_plan_is_called_by_what_its_name_shares_with_what_it_gives() {
        let prices =
            [price("price_1", "Northwind Makers Community"), price("price_2", "Northwind Makers Pro")];
        let proposal = proposed("Northwind", &prices, &[group(4012, "Members"), group(4013, "Pro")]);
        let ids: Vec<_> = proposal.plans.iter().map(|plan| plan.id.as_str()).collect();
        assert_eq!(ids, ["community", "pro"]);
    }

    #[test]
    fn two_products_never_share_a_plan() {
        let prices = [price("a", "Pro"), price("b", "pro!")];
        let proposal = proposed("Site", &prices, &[group(1, "Pro")]);
        let ids: BTreeSet<_> = proposal.plans.iter().map(|plan| plan.id.as_str()).collect();
        assert_eq!(ids.len(), 2, "{ids:?}");
    }
}
