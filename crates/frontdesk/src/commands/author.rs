//! Who decides something, named by `--by`, else whoever is signed in on this machine; and why.

use crate::errors::{Code, Failure, Report};

/// The same request, by `name` where nobody was named: who asks is known where the command is typed, not at the desk.
pub(super) fn signed(by: Option<&str>, name: Option<&str>) -> Option<String> {
    by.or(name).map(ToOwned::to_owned)
}

/// What was typed, unless it is blank.
pub(super) fn typed(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The name of whoever decides.
///
/// # Errors
///
/// Nobody was named, and the environment names nobody either: in a container, or under cron, it often does not.
pub(super) fn named(by: Option<&str>) -> Result<&str, Failure> {
    typed(by).ok_or_else(|| {
        let message =
            "nobody is named who decides this: there is no `--by`, and neither USER nor LOGNAME is set here";
        let hint = "add your name, as in `--by \"Kim Reyes\"`: it is kept, and `frontdesk explain` shows it";
        Report::error(Code::NotAnId, message).hint(hint).into()
    })
}

/// Why somebody decides it.
///
/// # Errors
///
/// The reason is empty.
pub(super) fn reason(text: &str) -> Result<&str, Failure> {
    typed(Some(text)).ok_or_else(|| {
        let hint = "say in a few words why, as in --reason \"speaker at the meetup\"";
        Report::error(Code::NotAnId, "the reason is empty").hint(hint).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::plain;

    #[test]
    fn who_is_not_named_is_told_what_to_write() {
        assert_eq!(named(Some(" Kim ")).expect("a name"), "Kim");
        for nobody in [None, Some(""), Some("  ")] {
            let said = plain(&named(nobody).expect_err("nobody").reports[0]);
            assert!(
                said.contains("neither USER nor LOGNAME") && said.contains("--by \"Kim Reyes\""),
                "{said}"
            );
        }
        assert!(reason(" ").is_err());
        assert_eq!(reason(" a speaker ").expect("a reason"), "a speaker");
    }
}
