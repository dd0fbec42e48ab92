//! Members and subscribers as Circle and Kit export them.
//!
//! Source: neither documents its export's columns; what is known of them is that an export is a selection that the
//! operator made (the members of one access group, the subscribers of one tag), and that Kit's names its tags (read
//! 2026-11-30). So columns are found by any usual header, and what everybody in a file has may be said beside it.

use crate::csv::{Column, Columns, Flaw, Headed, Row, shown};
use frontdesk_core::email::Email;
use frontdesk_core::target::{Item, Standing, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Address,
    Id,
    Status,
    Tags,
}

const CIRCLE: &[Column<Cell>] = &[
    Column { holds: Cell::Address, headers: &["Email", "Email Address", "Member Email"], is_needed: true },
    Column { holds: Cell::Id, headers: &["Member ID", "Community Member ID", "id"], is_needed: false },
    Column { holds: Cell::Status, headers: &["Status", "State"], is_needed: false },
];

const KIT: &[Column<Cell>] = &[
    Column { holds: Cell::Address, headers: &["Email", "Email Address"], is_needed: true },
    Column { holds: Cell::Id, headers: &["Subscriber ID", "id"], is_needed: false },
    Column { holds: Cell::Status, headers: &["Status", "State", "Subscriber State"], is_needed: false },
    Column { holds: Cell::Tags, headers: &["Tags", "Tag Names"], is_needed: false },
];

/// Where everything is in one file.
#[derive(Clone, Debug)]
pub struct Layout {
    target: Target,
    columns: Columns<Cell>,
}

/// One member or subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The address there.
    pub address: Email,
    /// The target's own id of the person, where the file has one.
    pub id: Option<u64>,
    /// How far the person is there, where the file says so in a word that is known.
    pub standing: Option<Standing>,
    /// Whether the file says that they are in no longer: deactivated, banned or removed. Then it shows nobody to have
    /// anything.
    #[serde(default)]
    pub is_out: bool,
    /// What the file says that they have.
    pub has: BTreeSet<Item>,
    /// What is written as their status, where that is no word that is known: they count as being there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_status: Option<String>,
}

impl Layout {
    /// Finds the columns of a file.
    ///
    /// # Errors
    ///
    /// There is no column of addresses, or two of one header.
    pub fn find(target: Target, header: &[String]) -> Result<Self, Flaw> {
        let known = match target {
            Target::Circle => CIRCLE,
            Target::Kit => KIT,
        };
        Ok(Self { target, columns: Columns::find(known, header)? })
    }

    /// Columns that another one goes before: the one that is read, and the one that is not.
    pub fn passed_over(&self) -> &[(Headed, Headed)] {
        self.columns.passed_over()
    }

    /// One row.
    ///
    /// # Errors
    ///
    /// Its address is none, or its id; why, in our words.
    pub fn person(&self, row: &Row) -> Result<Listed, String> {
        let text = |cell| row.get(&self.columns, cell);
        let address = match text(Cell::Address) {
            "" => return Err("`Email` is empty".to_owned()),
            typed => {
                Email::parse(typed).ok_or_else(|| format!("`Email`: `{}` is no address", shown(typed)))?
            }
        };
        let tags = text(Cell::Tags).split([',', ';']).map(str::trim).filter(|name| !name.is_empty());
        let status = text(Cell::Status).to_lowercase();
        let standing = standing(self.target, &status);
        let is_out = self.target == Target::Circle && OUT.contains(&status.as_str());
        let is_known = status.is_empty() || standing.is_some() || is_out;
        Ok(Listed {
            address,
            id: self.id(text(Cell::Id))?,
            standing,
            is_out,
            unknown_status: (!is_known).then(|| shown(text(Cell::Status))),
            has: tags.map(Item::kit_tag).collect(),
        })
    }
}

/// Ids end here: the record keeps them as signed numbers.
const ID_MAX: u64 = i64::MAX as u64 - 1;

impl Layout {
    /// The id in a row, where it has one. One that cannot be read is no missing one: whoever is passed over with it would be
    /// taken for somebody else, or for nobody.
    fn id(&self, typed: &str) -> Result<Option<u64>, String> {
        if typed.is_empty() {
            return Ok(None);
        }
        match typed.parse() {
            Ok(id @ 1..=ID_MAX) => Ok(Some(id)),
            _ => Err(format!(
                "`{}`: `{}` is no {} id, which is a whole number; without that column, people are known by their \
                 addresses",
                shown(self.columns.header(Cell::Id)),
                shown(typed),
                match self.target {
                    Target::Circle => "member",
                    Target::Kit => "subscriber",
                },
            )),
        }
    }
}

/// How an export may call a member who is not in any more. Circle's interface says *deactivated* and *banned*; the other
/// words are guesses at its exports, which are documented nowhere.
const OUT: [&str; 7] = ["deactivated", "deleted", "removed", "banned", "blocked", "suspended", "left"];

/// Source: `docs/providers.md`: Circle's `inactive` is invited and not yet there; Kit's is not yet confirmed.
fn standing(target: Target, word: &str) -> Option<Standing> {
    Some(match (target, word) {
        (_, "active" | "confirmed") => Standing::Active,
        (_, "inactive" | "invited" | "pending" | "unconfirmed") => Standing::Invited,
        (Target::Kit, "cancelled" | "canceled" | "unsubscribed" | "bounced" | "complained") => {
            Standing::OptedOut
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::Table;

    fn people(target: Target, file: &str) -> Vec<Result<Listed, String>> {
        let sheet = Table::open(file.as_bytes()).unwrap();
        let layout = Layout::find(target, sheet.header()).unwrap();
        sheet.map(|row| layout.person(&row.unwrap())).collect()
    }

    #[test]
    fn members_and_subscribers_are_read_by_the_usual_headers() {
        let circle = people(
            Target::Circle,
            "Name;E-Mail Address;Email;Member ID;Status\nAda;;ADA@x.example;7;Inactive\n",
        );
        let ada = circle[0].clone().unwrap();
        assert_eq!(
            (ada.address.as_str(), ada.id, ada.standing),
            ("ada@x.example", Some(7), Some(Standing::Invited))
        );
        let kit = people(
            Target::Kit,
            "email_address,first_name,state,tags\nb@x.example,Ben,bounced,\"Member, VIP\"\n",
        );
        let ben = kit[0].clone().unwrap();
        assert_eq!((ben.id, ben.standing), (None, Some(Standing::OptedOut)));
        assert_eq!(ben.has, [Item::kit_tag("member"), Item::kit_tag("vip")].into());
    }

    #[test]
    fn who_was_put_out_of_a_community_is_in_its_export_and_not_there() {
        let rows = "Email,Status\na@x.example,Deactivated\nb@x.example,Active\nc@x.example,\n";
        let out: Vec<_> =
            people(Target::Circle, rows).into_iter().map(|listed| listed.unwrap().is_out).collect();
        assert_eq!(out, [true, false, false]);
        assert!(!people(Target::Kit, "Email,State\na@x.example,removed\n")[0].clone().unwrap().is_out);
    }

    #[test]
    fn a_status_that_is_no_known_word_is_kept_as_it_is_written() {
        let rows =
            "Email,Status\na@x.example,Snoozed\nb@x.example,Active\nc@x.example,Banned\nd@x.example,\n";
        let unknown = |target| -> Vec<_> {
            people(target, rows).into_iter().map(|listed| listed.unwrap().unknown_status).collect()
        };
        let word = |word: &str| Some(word.to_owned());
        assert_eq!(unknown(Target::Circle), [word("Snoozed"), None, None, None]);
        assert_eq!(unknown(Target::Kit), [word("Snoozed"), None, word("Banned"), None]);
    }

    #[test]
    fn a_row_without_an_address_is_a_flaw() {
        let rows = people(Target::Circle, "id,email\n1,nobody\n");
        assert_eq!(rows[0], Err("`Email`: `nobody` is no address".to_owned()));
        let sheet = Table::open("id,name\n1,Ada\n".as_bytes()).unwrap();
        assert!(Layout::find(Target::Kit, sheet.header()).is_err());
    }

    #[test]
    fn an_id_that_cannot_be_read_is_a_flaw_and_not_a_missing_one() {
        let file = "Member Id,email\n,a@x.example\n 7 ,b@x.example\n";
        let ids: Vec<_> =
            people(Target::Circle, file).into_iter().map(|listed| listed.map(|of| of.id)).collect();
        assert_eq!(ids, [Ok(None), Ok(Some(7))]);
        for odd in ["b4f2-uuid", "1.2E+07", "0", "-7", "7.0", "9223372036854775807", "99999999999999999999"] {
            let rows = people(Target::Circle, &format!("Member Id,email\n{odd},c@x.example\n"));
            let expected = format!(
                "`Member Id`: `{odd}` is no member id, which is a whole number; without that column, people are known by \
                 their addresses"
            );
            assert_eq!(rows[0], Err(expected));
        }
        let kit = people(Target::Kit, "id,email\nx,c@x.example\n").remove(0).unwrap_err();
        assert!(kit.starts_with("`id`: `x` is no subscriber id"), "{kit}");
    }
}
