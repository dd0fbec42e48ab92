//! What one language must be able to say. Each language is one file that fills this in; a sentence
//! that is missing in one of them does not compile.

use super::{Act, Reason, Variant};
use crate::stage::Stage;

/// One whole message, never glued from parts. Places stand in braces: `{plan}`.
///
/// A sentence is left out when one of its places has no value, or when it speaks of something that
/// the installation cannot do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sentence {
    /// True wherever its places have values.
    Say(&'static str),
    /// Several ways to say one thing, fullest first; the first whose places all have values counts.
    First(&'static [&'static str]),
    /// Promises a mail.
    Mail(&'static str),
    /// Asks the customer to write to a person.
    Person(&'static str),
    /// Points at a form for another address.
    Form(&'static str),
}

/// The answer of a stage, as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Ways to say the headline, fullest first. The last one has no places, so a headline is never empty.
    pub(super) headline: &'static [&'static str],
    /// What it means.
    pub(super) meaning: &'static [Sentence],
    /// What happens next.
    pub(super) next: &'static [Sentence],
    /// The one action, with its label.
    pub(super) button: Option<(Act, &'static str)>,
}

/// Everything one language says.
pub(super) struct Lexicon {
    /// The stage in two or three words, ways fullest first, as on a badge.
    pub(super) name: fn(Stage) -> &'static [&'static str],
    /// The answer of a stage.
    pub(super) said: fn(Stage, Variant) -> Said,
    /// What the bank said.
    pub(super) reason: fn(Reason) -> &'static str,
    /// The other sentences of the customer pages.
    pub(super) page: Phrases,
    /// Months and weekdays.
    pub(super) calendar: Calendar,
}

/// Names of the calendar, from CLDR 48 (`dates/calendars/gregorian`, format width).
pub(super) struct Calendar {
    /// January first.
    pub(super) months: [&'static str; 12],
    /// January first, abbreviated.
    pub(super) months_short: [&'static str; 12],
    /// Monday first.
    pub(super) weekdays: [&'static str; 7],
}

/// The sentences of the customer pages that belong to no stage.
///
/// Those with places are written for [`super::phrase`]; the script of the pages fills `{age}` and
/// `{zone}` itself.
#[derive(Clone, Copy, Debug)]
pub struct Phrases {
    /// First link of each page.
    pub skip: &'static str,
    /// Name of the list of steps.
    pub how_far: &'static str,
    /// The steps: payment received, opening, invitation sent, accepting it, in.
    pub steps: [&'static str; 5],
    /// Said of a step that is done; read aloud only.
    pub done: &'static str,
    /// Said of a step that is still to come; read aloud only.
    pub to_come: &'static str,
    /// Heads the list of entitlements.
    pub have: &'static str,
    /// Below an entitlement: `{plan}` and `{date}`.
    pub paid_until: &'static str,
    /// The live line, for the script: `{age}`.
    pub checked: &'static str,
    /// The live line without script: `{time}`.
    pub as_of: &'static str,
    /// Link beside [`Phrases::as_of`].
    pub check_again: &'static str,
    /// When the stream has been gone for half a minute: `{time}`.
    pub paused: &'static str,
    /// Link beside [`Phrases::paused`].
    pub load_again: &'static str,
    /// When the store did not answer and an earlier answer is shown: `{time}`.
    pub could_not_look: &'static str,
    /// Heads the check of the address.
    pub right_address: &'static str,
    /// Where access goes: `{address}`.
    pub goes_to: &'static str,
    /// Heads the hint at a likely slip of the keyboard.
    pub typo: &'static str,
    /// The provider that was likely meant: `{domain}`.
    pub typo_meant: &'static str,
    /// Label of the link that writes to the help address.
    pub write: &'static str,
    /// Headline of a customer without any purchase.
    pub nothing: &'static str,
    /// What that means.
    pub nothing_means: &'static str,
    /// Headline of an expired, wrong or foreign link.
    pub link_gone: &'static str,
    /// What to do then, where there is a help address.
    pub link_gone_write: &'static str,
    /// What to do then, where there is none.
    pub link_gone_return: &'static str,
    /// Headline when a page could not be made.
    pub failed: &'static str,
    /// What that means.
    pub failed_means: &'static str,
    /// Headline when there is no such page.
    pub missing: &'static str,
    /// What that means.
    pub missing_means: &'static str,
    /// The request's id, for the help desk: `{id}`.
    pub request: &'static str,
    /// Whose time is shown: `{zone}`.
    pub times_for: &'static str,
    /// Name of the list of languages.
    pub languages: &'static str,
}
