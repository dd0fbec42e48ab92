//! A throw-away PostgreSQL server for the tests: installed where it is missing, gone when the tests are over.

use crate::shell::{Trouble, find, run, run_quietly, say};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The user who owns the databases of the tests.
const USER: &str = "frontdesk";

/// Connections that all tests together may hold.
const CONNECTIONS_MAX: u32 = 300;

/// A running server. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    is_root: bool,
    guard: Option<Child>,
}

impl Cluster {
    /// Starts one that listens on a socket in its own folder and nowhere else.
    pub(crate) fn start() -> Result<Self, Trouble> {
        let programs = programs()?;
        let is_root = run_quietly(Command::new("id").arg("-u"))?.trim() == "0";
        // Short, because the path of a socket may have 107 bytes.
        let folder = std::env::temp_dir().join(format!("frontdesk-pg-{}", std::process::id()));
        std::fs::create_dir(&folder)
            .map_err(|error| Trouble::new(format!("could not make `{}`: {error}", folder.display())))?;
        let mut cluster = Self { programs, folder, is_root, guard: None };
        if is_root {
            // PostgreSQL refuses to run as root; Debian's package has made this user.
            run_quietly(Command::new("chown").arg("postgres").arg(&cluster.folder))?;
        }
        let data = cluster.folder.join("data");
        let mut init = cluster.program("initdb");
        init.arg("-D").arg(&data).args(["-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]);
        run_quietly(&mut init)?;
        // `fsync` stays on, as in production: the store refuses a server that runs without it.
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections={CONNECTIONS_MAX}",
            cluster.folder.display()
        );
        let mut start = cluster.program("pg_ctl");
        start
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(cluster.folder.join("log"))
            .args(["-w", "-t", "60", "-o", &settings]);
        // The server inherits what it is started with: were that a pipe, whoever reads it would wait for the server.
        run(start.arg("start").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())).map_err(
            |trouble| {
                let log = std::fs::read_to_string(cluster.folder.join("log")).unwrap_or_default();
                Trouble::new(format!("{trouble}\n{log}"))
            },
        )?;
        cluster.guard = Some(cluster.guard()?);
        Ok(cluster)
    }

    /// The URL of the server, for a user who may create databases.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@/postgres?host={}", self.folder.display())
    }

    /// One of the server's programs, run as the user whom the server belongs to.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // A folder that the other user may enter.
        command.current_dir("/");
        command
    }

    /// Takes the server down also when this process is killed and nothing is dropped.
    fn guard(&self) -> Result<Child, Trouble> {
        let script = r#"trap "" INT TERM HUP
            while kill -0 "$1" 2>/dev/null; do sleep 1; done
            shift; folder="$1"; shift
            "$@" -D "$folder/data" -m immediate stop; rm -rf "$folder""#;
        let stop = self.program("pg_ctl");
        Command::new("sh")
            .args(["-c", script, "guard", &std::process::id().to_string()])
            .arg(&self.folder)
            .arg(stop.get_program())
            .args(stop.get_args())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Trouble::new(format!("could not run `sh`: {error}")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.folder.join("data")).args(["-m", "fast", "-w", "stop"]);
        if self.folder.join("data/postmaster.pid").exists() || self.is_root {
            // Where it did not come up there is nothing to stop; either way the files go.
            let _ = run_quietly(&mut stop);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
    }
}

/// The folder of `initdb` and `pg_ctl`; installs them on Debian where they are missing.
fn programs() -> Result<PathBuf, Trouble> {
    if let Some(folder) = installed() {
        return Ok(folder);
    }
    say("PostgreSQL is not installed; installing it");
    install(&["postgresql"])?;
    installed().ok_or_else(|| Trouble::new("PostgreSQL was installed, and `initdb` is still not found"))
}

/// Debian keeps them out of `PATH`, one folder per version; the newest wins.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            has_programs(&folder).then_some((version, folder))
        })
        .max();
    newest.map(|(_, folder)| folder).or_else(|| {
        let folder = find("initdb")?.parent()?.to_owned();
        has_programs(&folder).then_some(folder)
    })
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
}

/// Installs packages with `apt-get`, as root or with `sudo`.
pub(crate) fn install(packages: &[&str]) -> Result<(), Trouble> {
    if find("apt-get").is_none() {
        let names = packages.join(", ");
        return Err(Trouble::new(format!("install {names} by your system's means, then run this again")));
    }
    let is_root = run_quietly(Command::new("id").arg("-u"))?.trim() == "0";
    let apt = |arguments: &[&str]| {
        let mut command = if is_root { Command::new("env") } else { Command::new("sudo") };
        if !is_root {
            command.arg("env");
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]).args(arguments);
        // Its chatter belongs to stderr: stdout ends with the lines of the tests.
        run(command.stdout(Stdio::from(std::io::stderr())))
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}
