//! The scripted model provider (`tests/fixtures/model-server`), one for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A provider that lives as long as this value.
pub struct Provider {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    /// Starts one; it is ready when this returns.
    pub fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("python3")
            .arg(root.join("tests/fixtures/model-server/modelserver.py"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { child, url: line.trim().to_owned(), http }
    }

    /// Its address when it plays that scenario.
    pub fn playing(&self, scenario: &str) -> String {
        format!("{}/s/{scenario}", self.url)
    }

    /// Its address when each request's prompt names its scenario, as `[[scenario:NAME]]`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Teaches it another scenario.
    pub async fn learn(&self, name: &str, scenario: Value) {
        let body = json!({ name: scenario });
        let url = format!("{}/__admin/scenarios", self.url);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// How many tokens of a kind it has billed, whoever asked.
    pub async fn billed(&self, kind: &str) -> u64 {
        let sessions = self.bill("").await;
        let sessions = sessions.as_object().unwrap().values();
        sessions.map(|session| session[kind].as_u64().unwrap()).sum()
    }

    /// The tokens that it bills for a scenario, by session.
    pub async fn usage(&self, scenario: &str) -> Value {
        self.bill(&format!("?scenario={scenario}")).await
    }

    async fn bill(&self, query: &str) -> Value {
        let url = format!("{}/__admin/usage{query}", self.url);
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// What it was asked, in order, and what it bills for each.
    pub async fn requests(&self) -> Vec<Value> {
        let url = format!("{}/__admin/requests", self.url);
        let mut answer: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        match answer["requests"].take() {
            Value::Array(requests) => requests,
            other => panic!("no requests but {other}"),
        }
    }

    /// The steps of the scripts that were asked for, in order, asides of agents left out.
    pub async fn steps(&self) -> Vec<u64> {
        let all = self.requests().await;
        all.iter().filter(|asked| asked["aux"] != true).filter_map(|a| a["step"].as_u64()).collect()
    }

    /// How often a text stands in all that it was asked.
    pub async fn count(&self, needle: &str) -> usize {
        let url = format!("{}/__admin/requests?bodies=1", self.url);
        let answer: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let all = answer["requests"].as_array().unwrap();
        all.iter().map(|asked| asked["body"].to_string().matches(needle).count()).sum()
    }

    /// Whether a text was ever sent to it, in a body, a header that is no credential, or a URL.
    pub async fn has_seen(&self, needle: &str) -> bool {
        let url = format!("{}/__admin/search", self.url);
        let body = json!({ "needles": [needle] });
        let answer: Value =
            self.http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        let found = answer.get(needle).or_else(|| answer["found"].get(needle));
        let found = found.unwrap_or_else(|| panic!("{answer}"));
        !found.as_array().unwrap().is_empty()
    }
}
