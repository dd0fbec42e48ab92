//! Links between the pages of the repository lead somewhere, headings included.

use super::File;

/// Follows every relative link of every page.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for page in files.iter().filter(|file| file.has_ending(&["md"])) {
        for (line, target) in links(&page.text) {
            if let Some(why) = broken(files, page, target) {
                complaints.push(format!("{}:{line}: the link `{target}` {why}", page.path));
            }
        }
    }
    complaints
}

/// Every `](target)` outside of code, with its line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (n, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            // An even number of backticks before it: not within `code`.
            let is_text = line[..at].matches('`').count().is_multiple_of(2);
            if let Some(end) = line[at + 2..].find(')').filter(|_| is_text) {
                found.push((n + 1, line[at + 2..at + 2 + end].trim()));
            }
        }
    }
    found
}

/// Why a link leads nowhere; `None` if it leads somewhere, or out of the repository.
fn broken(files: &[File], page: &File, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) =
        target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let path = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path) };
    let folder = format!("{}/", path.trim_end_matches('/'));
    let Some(file) = files.iter().find(|file| file.path == path) else {
        let is_folder = folder == "/" || files.iter().any(|file| file.path.starts_with(&folder));
        return (!is_folder).then_some("leads to nothing");
    };
    let heading = heading.filter(|_| file.has_ending(&["md"]))?;
    let has_heading = file.text.lines().any(|line| line.starts_with('#') && slug(line) == heading);
    (!has_heading).then_some("leads to a heading that is not there")
}

/// A path relative to the folder of `from`, from the root.
fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor that GitHub makes of a heading: lower case, letters, digits, `-` and `_`, spaces as `-`.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::check;

    #[test]
    fn links_lead_somewhere() {
        let page = |text: &str| {
            let files = [
                file("docs/a.md", text),
                file("docs/errors/b.md", "# One\n\n## What to do?\n"),
                file("LICENSE", "x"),
            ];
            check(&files).len()
        };
        for good in [
            "[b](errors/b.md)",
            "[b](errors/)",
            "[b](errors/b.md#what-to-do)",
            "[l](../LICENSE)",
            "[l](/LICENSE)",
            "[web](https://x.example/a)",
            "# Here\n[self](#here)",
            "`[no](nowhere.md)`",
            "```\n[no](nowhere.md)\n```",
        ] {
            assert_eq!(page(good), 0, "{good}");
        }
        for bad in ["[b](b.md)", "[b](errors/b.md#two)", "[b](#nowhere)", "[b](../../LICENSE/x)"] {
            assert_eq!(page(bad), 1, "{bad}");
        }
    }
}
