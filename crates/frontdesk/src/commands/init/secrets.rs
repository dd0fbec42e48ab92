//! Secrets go into files of their own, which their owner alone can read.

use super::answers::Answers;
use crate::errors::{Code, Failure, Report};
use frontdesk_providers::secret::Secret;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where the signing secret is, from the folder of the configuration.
pub(super) const SIGNING_SECRET: &str = "secrets/stripe_signing_secret";
/// Where Stripe's key is.
pub(super) const STRIPE_KEY: &str = "secrets/stripe_api_key";
/// Where Circle's token is.
pub(super) const CIRCLE_TOKEN: &str = "secrets/circle_token";
/// Where Kit's key is.
pub(super) const KIT_KEY: &str = "secrets/kit_api_key";

/// Writes every secret that is known. `made` is the signing secret of an endpoint that was just made.
pub(super) fn write(folder: &Path, answers: &Answers, made: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    let given = answers.stripe.signing_secret.as_ref().map(Secret::expose);
    let all = [
        (STRIPE_KEY, Some(answers.stripe.key.expose())),
        (SIGNING_SECRET, made.or(given)),
        (CIRCLE_TOKEN, answers.circle.as_ref().map(|circle| circle.key.expose())),
        (KIT_KEY, answers.kit.as_ref().map(|kit| kit.key.expose())),
    ];
    let failed = |path: &Path, error: &io::Error| -> Failure {
        Report::error(Code::SecretFileUnreadable, format!("could not write `{}`", path.display()))
            .because(error)
            .hint("choose a folder that can be written, with `--config PATH`")
            .into()
    };
    let secrets = folder.join("secrets");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&secrets)
        .map_err(|error| failed(&secrets, &error))?;
    let mut written = Vec::new();
    for (name, value) in all {
        let Some(value) = value else { continue };
        let path = folder.join(name);
        write_one(&path, value).map_err(|error| failed(&path, &error))?;
        written.push(path);
    }
    Ok(written)
}

fn write_one(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A file that was there keeps its mode when it is opened.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(value.as_bytes())?;
    file.write_all(b"\n")
}
