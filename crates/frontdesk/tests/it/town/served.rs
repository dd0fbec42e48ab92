//! `frontdesk serve` beside a town, as a process of its own.

use super::Town;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A process that serves; it ends with its owner.
pub(crate) struct Served {
    child: Child,
    said: Option<[JoinHandle<String>; 2]>,
}

impl Served {
    /// A command in the town's folder, with its configuration and secrets.
    pub(crate) fn command(town: &Town, arguments: &[&str]) -> Command {
        town.folder.write("frontdesk.toml", &town.toml());
        let database = town.database.url();
        town.folder.frontdesk(arguments, &town.settings.variables(&database))
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(town: &Town) -> Self {
        Self::start_with(town, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(town: &Town, arguments: &[&str]) -> Self {
        let listen = town.address.to_string();
        Self::spawn(Self::command(town, &[&["serve", "--listen", &listen], arguments].concat()))
    }

    /// The same where no file may grow beyond `blocks` of 512 bytes: what is written beyond fails as on a full disk.
    pub(crate) fn start_within(town: &Town, blocks: u32) -> Self {
        let listen = town.address.to_string();
        let serve = Self::command(town, &["serve", "--listen", &listen]);
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script]).arg(serve.get_program()).args(serve.get_args()).env_clear();
        let variables = serve.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.envs(variables).current_dir(town.folder.path(""));
        Self::spawn(shell)
    }

    /// The same of a command to serve that was made before, so that the files can be changed in between.
    pub(crate) fn spawned(command: &mut Command) -> Self {
        Self::run(command)
    }

    fn spawn(mut command: Command) -> Self {
        Self::run(&mut command)
    }

    fn run(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (ready, is_ready) = mpsc::channel();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let stdout = std::thread::spawn(move || {
            let mut said = String::new();
            // The first line says where it listens.
            let _ = lines.read_line(&mut said);
            let _ = ready.send(said.clone());
            let _ = lines.read_to_string(&mut said);
            said
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let served = Self { child, said: Some([stdout, stderr]) };
        let first = is_ready.recv().unwrap_or_default();
        assert!(first.contains("listens on"), "it did not start: {}", served.end());
        served
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.end();
    }

    /// Asks it to stop; gives all that it said.
    pub(crate) fn stop(self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.end()
    }

    fn end(mut self) -> String {
        self.child.wait().unwrap();
        let [stdout, stderr] = self.said.take().expect("it ends once");
        stdout.join().unwrap() + &stderr.join().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
