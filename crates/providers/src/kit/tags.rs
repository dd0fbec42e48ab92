//! The tags that the catalogue names, and the numbers that Kit knows them by.

use frontdesk_core::target::Item;
use std::collections::{BTreeMap, BTreeSet};

/// One tag as Kit lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Kit's number of it. A renamed tag keeps it (§7.8).
    pub id: u64,
    /// Its name as written.
    pub name: String,
}

/// The managed tags that exist, by name in lower case. Kit compares names ignoring case (row 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, u64>);

impl Tags {
    /// Resolves the `managed` items among all tags `listed`.
    ///
    /// Items of other targets are passed over. Should two tags share a name, the older one (the
    /// smaller number) counts. Names that nothing was found for are in [`Tags::missing`].
    pub fn resolve<'a>(listed: &[Tag], managed: impl IntoIterator<Item = &'a Item>) -> Self {
        let wanted: BTreeSet<&str> = managed.into_iter().filter_map(name).collect();
        let mut tags = BTreeMap::new();
        for tag in listed {
            if let Item::KitTag(name) = Item::kit_tag(&tag.name)
                && wanted.contains(name.as_str())
            {
                tags.entry(name).and_modify(|id| *id = tag.id.min(*id)).or_insert(tag.id);
            }
        }
        Self(tags)
    }

    /// The managed tags as stored earlier: lower-case name and number.
    pub fn stored(tags: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self(tags.into_iter().collect())
    }

    /// Kit's number of an item; `None` if no tag of that name was found.
    pub fn id(&self, item: &Item) -> Option<u64> {
        self.0.get(name(item)?).copied()
    }

    /// All pairs of name and number, to be stored.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// Those of `managed` that are tags and were not found: misconfigured until somebody makes the tag
    /// or corrects the name. Frontdesk makes none (§7.8).
    pub fn missing<'a>(&self, managed: impl IntoIterator<Item = &'a Item>) -> Vec<Item> {
        managed.into_iter().filter(|item| name(item).is_some() && self.id(item).is_none()).cloned().collect()
    }

    /// The managed items among these numbers.
    pub(super) fn managed(&self, held: &BTreeSet<u64>) -> Vec<Item> {
        let held = self.0.iter().filter(|(_, id)| held.contains(id));
        held.map(|(name, _)| Item::KitTag(name.clone())).collect()
    }
}

fn name(item: &Item) -> Option<&str> {
    match item {
        Item::KitTag(name) => Some(name),
        Item::CircleGroup(_) | Item::CircleSpace(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_ignoring_case_and_only_if_managed() {
        let tag = |id, name: &str| Tag { id, name: name.to_owned() };
        let listed = [tag(12, "Member"), tag(11, "member "), tag(13, "Newsletter")];
        let managed = [Item::kit_tag("MEMBER"), Item::kit_tag("Founder"), Item::CircleGroup(13)];
        let tags = Tags::resolve(&listed, &managed);
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("member", 11)]);
        assert_eq!(tags.missing(&managed), [Item::kit_tag("founder")]);
        assert_eq!(Tags::stored(tags.iter().map(|(name, id)| (name.to_owned(), id))), tags);
    }
}
