//! The built program on a machine of its own, beside a world that lives by the machine's clock,
//! because the program does.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use world::{World, WorldOptions};

/// A machine with nothing in its environment but what it is told.
pub(crate) struct Machine {
    pub(crate) world: World,
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A server that runs, and its log so far.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    pub(crate) log: String,
}

impl Machine {
    /// A machine that knows where the world is and has no credentials.
    pub(crate) async fn start() -> Self {
        let world = World::start(WorldOptions::by_wall_clock()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut machine = Self { world, dir, variables: Vec::new() };
        let data = machine.data_dir().display().to_string();
        for (name, value) in [
            ("DATA_DIR", data),
            ("LISTEN", "127.0.0.1:0".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("GITHUB_WEB_URL", machine.world.web_url()),
            ("GITHUB_API_URL", machine.world.api_url()),
            ("GITHUB_GRAPHQL_URL", machine.world.graphql_url()),
        ] {
            machine.set(name, &value);
        }
        machine
    }

    /// A machine that has the App's credentials and a public address where webhooks go.
    pub(crate) async fn with_credentials() -> Self {
        let mut machine = Self::start().await;
        let (id, key) = (machine.world.app_id().to_string(), machine.world.private_key_pem());
        let secret = machine.world.webhook_secret();
        machine.set("GITHUB_APP_ID", &id);
        machine.set("GITHUB_PRIVATE_KEY", &key);
        machine.set("GITHUB_WEBHOOK_SECRET", &secret);
        machine.set("PUBLIC_URL", "https://heal.example");
        machine.world.send_webhooks_to("https://heal.example/webhooks/github");
        machine
    }

    /// Sets `SELFHEAL_NAME` in the environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = format!("SELFHEAL_{name}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    /// Where the program keeps its data.
    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    /// Where a test may put files.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
        command.args(args);
        self.here(command)
    }

    /// A command that sees this machine and nothing else of ours.
    fn here(&self, mut command: Command) -> Command {
        command
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts servers by another program, which is told what to do in lines.
    pub(crate) fn serve_by(&self, program: Command) -> (Serving, ChildStdin) {
        let mut command = self.here(program);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        (Serving { child, lines, log: String::new() }, told)
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Starts the server.
    pub(crate) fn serve(&self) -> Serving {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Serving { child, lines, log: String::new() }
    }
}

impl Serving {
    /// Waits for a line of the log that has these words in it.
    pub(crate) async fn says(&mut self, words: &str) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(words) {
                return line;
            }
        }
        panic!("the server ended without saying `{words}`:\n{}", self.log);
    }

    /// Waits until it listens; where.
    pub(crate) async fn listens(&mut self) -> String {
        let line = self.says("listening").await;
        let (_, port) = line.split_once("127.0.0.1:").unwrap();
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        format!("http://127.0.0.1:{port}")
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Kills the server without a word of warning.
    pub(crate) async fn killed(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Tells the server to stop, as an operator does, and waits for its end; its exit code.
    pub(crate) async fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(told.success());
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        (self.child.wait().await.unwrap().code(), self.log)
    }
}
