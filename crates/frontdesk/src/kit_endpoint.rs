//! Kit's webhook endpoint, made when `serve` starts, where `targets.kit.endpoint_secret_file` asks for it.
//!
//! Kit shows the secret of an endpoint once. It goes into that file, for this user alone, and is in force at once; from
//! then on the file is read like any other secret's.

use crate::config::Config;
use crate::live::LivePorts;
use frontdesk_core::target::Target;
use frontdesk_engine::endpoint::Endpointed;
use frontdesk_engine::{Engine, Ports};
use frontdesk_providers::secret::Secret;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How soon it is tried again where Kit did not answer.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Looks after the endpoint beside everything else. Nothing waits for it, and nothing fails with it.
pub(crate) fn look_after(config: &Config, engine: &Engine<LivePorts>) {
    let path = config.targets.kit.as_ref().and_then(|kit| kit.endpoint_secret_file.clone());
    let Some(path) = path else { return };
    let url = format!("{}/webhooks/kit", config.site.url.as_str().trim_end_matches('/'));
    let making = make(engine.clone(), path, url);
    engine.ports().spawn("kit endpoint", making);
}

async fn make(engine: Engine<LivePorts>, path: PathBuf, url: String) {
    loop {
        let knows_secret = engine.listens(Target::Kit);
        match engine.look_after_kit_endpoint(&url, knows_secret).await {
            Ok(Endpointed::There | Endpointed::Refused) => return,
            Ok(Endpointed::Secret(secret)) => {
                let path_shown = path.display();
                if let Err(error) = keep(&path, &secret) {
                    // The next start finds the endpoint and has its secret given anew.
                    tracing::error!(
                        path = %path_shown,
                        "the secret of Kit's webhook endpoint could not be kept, it holds until the process ends: {error}"
                    );
                } else {
                    tracing::info!(path = %path_shown, "Kit's webhook endpoint is made, its secret is kept");
                }
                take_up(&engine, secret);
                return;
            }
            Ok(Endpointed::Later) | Err(_) => engine.ports().sleep(RETRY_AFTER).await,
        }
    }
}

/// Has the secret believed from here on, beside those that are.
fn take_up(engine: &Engine<LivePorts>, secret: Secret) {
    engine.amend_settings(|settings| {
        if let Some(kit) = settings.targets.get_mut(&Target::Kit) {
            kit.hook_secrets.push(secret);
        }
    });
}

/// Writes the secret for this user alone, whole or not at all.
fn keep(path: &Path, secret: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let unfinished = path.with_extension("part");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_kept_for_this_user_alone() {
        let folder = std::env::temp_dir().join(format!("frontdesk-endpoint-{}", std::process::id()));
        let path = folder.join("secrets/kit-endpoint");
        for value in ["whsec_one", "whsec_two"] {
            keep(&path, &Secret::new("test#0000", value.to_owned())).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{value}\n"));
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
