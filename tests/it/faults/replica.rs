//! Replicas: the built program, started, heard, killed, and started again as a supervisor does.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use world::World;

use super::surroundings::{Surroundings, Time};

/// Where GitHub and runners believe that the server is: the audience of runners' tokens.
pub(crate) const PUBLIC_URL: &str = "https://heal.example";

/// Lines of a replica's log that are kept to explain a failure.
const LINES_MAX: usize = 400;

/// How often a program that ends before it listens is started again: its database may be away.
const STARTS_MAX: usize = 50;

/// One replica, up or down.
#[derive(Debug)]
pub(crate) struct Replica {
    variables: Vec<(String, String)>,
    pub(crate) surroundings: Surroundings,
    running: Option<Child>,
    url: String,
    is_frozen: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl Replica {
    /// A replica that is down, on that database.
    pub(crate) fn new(
        world: &World,
        dir: &Path,
        name: &str,
        (time, database): (Time, &str),
    ) -> Self {
        let variables = [
            ("DATA_DIR", dir.join("data").display().to_string()),
            ("DATABASE_URL", database.to_owned()),
            ("LISTEN", "127.0.0.1:0".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("GITHUB_WEB_URL", world.web_url()),
            ("GITHUB_API_URL", world.api_url()),
            ("GITHUB_GRAPHQL_URL", world.graphql_url()),
            ("GITHUB_OIDC_ISSUER", world.oidc_issuer()),
            ("GITHUB_APP_ID", world.app_id().to_string()),
            ("GITHUB_PRIVATE_KEY", world.private_key_pem()),
            ("GITHUB_WEBHOOK_SECRET", world.webhook_secret()),
            ("PUBLIC_URL", PUBLIC_URL.to_owned()),
        ];
        let variables = variables.map(|(name, value)| (format!("SELFHEAL_{name}"), value)).to_vec();
        Self {
            variables,
            surroundings: Surroundings::new(time, dir, name),
            running: None,
            url: String::new(),
            is_frozen: false,
            log: Arc::default(),
        }
    }

    /// Starts it and waits until it listens; again when it ends before.
    pub(crate) async fn start(&mut self) {
        for _ in 0..STARTS_MAX {
            let mut child = self.spawn();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let Some(address) = self.listening(&mut lines).await else { continue };
            let log = self.log.clone();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    keep(&log, line);
                }
            });
            self.url = format!("http://{address}");
            self.running = Some(child);
            return;
        }
        panic!("it does not listen:\n{}", self.log());
    }

    fn spawn(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_selfheal"))
            .arg("serve")
            .env_clear()
            .envs(self.variables.iter().cloned())
            .envs(self.surroundings.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Where it says that it listens; `None` when it ends without saying so.
    async fn listening(&self, lines: &mut Lines<BufReader<ChildStderr>>) -> Option<String> {
        while let Some(line) = lines.next_line().await.unwrap() {
            let said: Option<serde_json::Value> = serde_json::from_str(&line).ok();
            keep(&self.log, line);
            let is_listening = said.as_ref().is_some_and(|said| said["message"] == "listening");
            if let Some(address) = said.filter(|_| is_listening) {
                return address["address"].as_str().map(str::to_owned);
            }
        }
        None
    }

    /// Where webhooks and runners are sent: a balancer notices one that does not answer, and not
    /// that it is gone.
    pub(crate) fn url(&self) -> Option<&str> {
        (!self.is_frozen).then_some(self.url.as_str())
    }

    /// The process, for whoever ends it at a moment of his own.
    pub(crate) fn taken(&mut self) -> Option<Child> {
        self.running.take()
    }

    /// Stops it in the middle of what it does; it does not notice.
    pub(crate) async fn freeze(&mut self) {
        self.signal("-STOP").await;
        self.is_frozen = true;
    }

    /// Lets it go on.
    pub(crate) async fn thaw(&mut self) {
        self.signal("-CONT").await;
        self.is_frozen = false;
    }

    async fn signal(&self, name: &str) {
        let Some(pid) = self.running.as_ref().and_then(Child::id) else { return };
        let told = Command::new("kill").args([name, &pid.to_string()]).status().await.unwrap();
        assert!(told.success());
    }

    /// What it said last.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

fn keep(log: &Mutex<Vec<String>>, line: String) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() == LINES_MAX {
        log.remove(0);
    }
    log.push(line);
}
