//! On which lines the catalogue stands, so that whoever doubts an answer can look the line up.

use super::reader::{Reader, Section};
use super::target::Configured;
use super::{Config, Environment, folder_of, in_order, text_of, trees};
use crate::errors::{Failure, Report};
use frontdesk_core::catalogue::{Catalogue, Good};
use frontdesk_core::entitlement::Claim;
use frontdesk_core::id::PlanId;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The lines of one file, from one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// The file as the operator named it.
    pub file: String,
    /// The line on which a plan's list names a good.
    pub goods: Vec<(Good, usize)>,
    /// The line on which a plan begins.
    pub plans: Vec<(PlanId, usize)>,
    /// The line on which a plan says a policy of its own.
    pub policies: Vec<(PlanId, String, usize)>,
}

/// A catalogue as it stands in a file. It travels with a question: the process that answers it need not see the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// What the file says.
    pub catalogue: Catalogue,
    /// On which lines.
    pub lines: Lines,
}

/// Sections of a configuration that a catalogue may stand beside, and that are not looked at when it is read alone.
const ELSEWHERE: [&str; 5] = ["site", "store", "sources", "targets", "dev"];

/// Reads the catalogue of a file that is not the configuration in use: an edited copy of it, or its catalogue alone. The
/// rest of the file is not looked at, so it needs no secret; which targets there are is as in `config`. Warnings come with
/// it.
///
/// # Errors
///
/// Everything that is wrong with the catalogue, in the order of the file.
pub fn load_catalogue(
    path: &Path,
    config: &Config,
    environment: &Environment,
) -> Result<(Written, Vec<Report>), Failure> {
    let file = path.display().to_string();
    let (given, defaults) = trees(&text_of(path)?, &file)?;
    let folder = folder_of(path).to_owned();
    // The catalogue holds no credential: none is read.
    let mut reader =
        Reader { file, folder, environment, withheld: true, reports: Vec::new(), secrets: Vec::new() };
    let mut root = Section::root(&given, &defaults);
    for section in ELSEWHERE {
        root.know(section);
    }
    let targets = given.table("targets");
    let has = |name: &str| targets.is_some_and(|targets| targets.get(name).is_some());
    let configured = Configured {
        circle: has("circle") || config.targets.circle.is_some(),
        kit: has("kit") || config.targets.kit.is_some(),
    };
    let parts = reader.catalogue(&mut root, configured);
    reader.finish(&root);
    let reports = in_order(reader.reports);
    if reports.iter().any(Report::is_error) {
        return Err(Failure { reports });
    }
    let catalogue = Catalogue {
        plans: parts.plans,
        entitlements: parts.entitlements,
        ignore: parts.ignore,
        ..config.catalogue()
    };
    Ok((Written { catalogue, lines: parts.lines }, reports))
}

impl Written {
    /// The place in the file, `frontdesk.toml:31`, that makes a claim about the catalogue `decided` true; `None` for a
    /// claim about anything else, and where the file says something else about the plan by now.
    pub fn place_of(&self, claim: &Claim, decided: &Catalogue) -> Option<String> {
        let (plan, line) = match claim {
            Claim::Sells { good, plan } => {
                (plan, self.lines.goods.iter().find(|(named, _)| named == good).map(|(_, line)| *line))
            }
            Claim::Policy { plan, policy, .. } => {
                let mut own = self.lines.policies.iter();
                let own = own.find(|(of, named, _)| of == plan && named == policy).map(|(_, _, line)| *line);
                (plan, own.or_else(|| self.begins_at(plan)))
            }
            _ => return None,
        };
        let of = |catalogue: &'_ Catalogue| catalogue.plans.iter().find(|of| of.id == *plan).cloned();
        let same = of(decided).is_some_and(|decided| of(&self.catalogue).as_ref() == Some(&decided));
        line.filter(|_| same).map(|line| format!("{}:{line}", self.lines.file))
    }

    fn begins_at(&self, plan: &PlanId) -> Option<usize> {
        self.lines.plans.iter().find(|(id, _)| id == plan).map(|(_, line)| *line)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, check};
    use frontdesk_core::catalogue::Good;
    use frontdesk_core::entitlement::Claim;
    use frontdesk_core::id::{PlanId, SourceId};
    use std::path::Path;

    const TEXT: &str = "[site]\nname = \"N\"\nurl = \"http://127.0.0.1\"\n[sources.stripe]\n\
        signing_secrets = [\"${S}\"]\nbase_url = \"http://127.0.0.1\"\n[[plans]]\nid = \"pro\"\nprices = [\n\
        \"stripe:price_1\",\n\"stripe:price_2\",\n]\ngrants = [\"community\"]\ngrace = \"3d\"\n[entitlements.community]\n";

    #[test]
    fn a_claim_about_the_catalogue_has_its_line() {
        let environment = Environment::from([("S", "whsec_1234567890abcdef")]);
        let loaded = check(TEXT, "shop.toml", Path::new(""), &environment).unwrap();
        let written = loaded.config.written();
        let sells = |id: &str| Claim::Sells {
            good: Good { source: SourceId::new("stripe"), id: id.to_owned() },
            plan: PlanId::new("pro"),
        };
        let policy = |name: &str| Claim::Policy {
            plan: PlanId::new("pro"),
            policy: name.to_owned(),
            value: String::new(),
        };
        let rows = [
            (sells("price_1"), Some("shop.toml:10")),
            (sells("price_2"), Some("shop.toml:11")),
            (policy("grace"), Some("shop.toml:14")),
            // Not written, so the default holds: the plan itself is the place.
            (policy("dispute"), Some("shop.toml:7")),
            (sells("price_3"), None),
        ];
        for (claim, place) in rows {
            assert_eq!(written.place_of(&claim, &written.catalogue).as_deref(), place, "{claim:?}");
        }
        let mut edited = written.catalogue.clone();
        edited.plans[0].title = "What was in force then".to_owned();
        assert_eq!(written.place_of(&sells("price_1"), &edited), None, "the file says something else by now");
    }
}
