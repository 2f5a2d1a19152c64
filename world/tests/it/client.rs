//! A client of our own, so that the fake is not judged by the code that it is made for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use world::{Pull, Repository, World, WorldOptions};

/// 2026-11-21T06:00:00Z.
pub(crate) const START_MS: i64 = 1_795_240_800_000;

/// A world with `acme/widget`, installed, whose time a test moves.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) repo: Repository,
    pub(crate) installation: u64,
    pub(crate) http: reqwest::Client,
    clock: Arc<AtomicI64>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Got {
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) const WORKFLOW: &str = "name: selfheal\nrun-name: selfheal ${{ inputs.attempt }}\n\
    on:\n  workflow_dispatch:\n    inputs:\n      attempt:\n        required: true\njobs: {}\n";

impl Scene {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(AtomicI64::new(START_MS));
        let read = Arc::clone(&clock);
        let world =
            World::start(WorldOptions::new(move || read.load(Ordering::SeqCst))).await.unwrap();
        let repo = world
            .repository("acme/widget")
            .file("README.md", "# widget\n")
            .file("src/lib.rs", "pub fn one() -> u8 { 1 }\n")
            .file(".github/workflows/ci.yml", "name: CI\non: pull_request\njobs: {}\n")
            .file(".github/workflows/selfheal.yml", WORKFLOW)
            .collaborator("mona", "write")
            .create()
            .await
            .unwrap();
        let installation = world.install("acme");
        let http = reqwest::Client::builder()
            .no_proxy()
            .user_agent("scene")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { world, repo, installation, http, clock }
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) async fn open_pull(&self) -> Pull {
        self.world
            .pull_request(&self.repo)
            .by("mona")
            .files(&[("src/lib.rs", Some("pub fn one() -> u8 { 2 }\n"))])
            .open()
            .await
            .unwrap()
    }

    pub(crate) fn jwt(&self, lifetime_secs: i64) -> String {
        let now = self.clock.load(Ordering::SeqCst) / 1000;
        let claims = json!({
            "iss": self.world.app_id().to_string(), "iat": now - 60, "exp": now + lifetime_secs,
        });
        let pem = self.world.private_key_pem();
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }

    /// A token for all that the installation may do.
    pub(crate) async fn token(&self) -> String {
        self.narrowed(json!({})).await.body["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn narrowed(&self, body: Value) -> Got {
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        self.send("POST", &path, (&self.jwt(500), Some(body))).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        (token, body): (&str, Option<Value>),
    ) -> Got {
        let response = self.request(method, path, (token, body)).send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Got { status, body, headers }
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        (token, body): (&str, Option<Value>),
    ) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.world.api_url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request
    }

    /// A path below `acme/widget`.
    pub(crate) async fn get(&self, token: &str, tail: &str) -> Got {
        self.send("GET", &format!("/repos/acme/widget{tail}"), (token, None)).await
    }

    pub(crate) async fn post(&self, token: &str, tail: &str, body: Value) -> Got {
        self.send("POST", &format!("/repos/acme/widget{tail}"), (token, Some(body))).await
    }

    pub(crate) async fn patch(&self, token: &str, tail: &str, body: Value) -> Got {
        self.send("PATCH", &format!("/repos/acme/widget{tail}"), (token, Some(body))).await
    }

    pub(crate) async fn graphql(&self, token: &str, query: &str, variables: Value) -> Got {
        let body = json!({ "query": query, "variables": variables });
        self.send("POST", "/graphql", (token, Some(body))).await
    }
}
