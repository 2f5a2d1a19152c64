//! An issuer of OIDC tokens, as GitHub Actions has one.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::TestClock;

/// Signs tokens and publishes its key.
pub(crate) struct Issuer {
    url: String,
    key: EncodingKey,
    clock: Arc<TestClock>,
    server: JoinHandle<()>,
}

impl Issuer {
    pub(crate) async fn start(clock: Arc<TestClock>) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let public = pair.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let keys = json!({ "keys": [
            { "kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": modulus, "e": exponent }
        ]});
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(answer(discovery)))
            .route("/keys", get(answer(keys)));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        Self { url, key, clock, server }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// A token for that audience with these claims beside the usual ones; they win.
    pub(crate) fn token(&self, audience: &str, claims: &Value) -> String {
        let now = self.clock.ms() / 1000;
        let mut all = json!({
            "iss": self.url, "aud": audience, "iat": now, "nbf": now - 5, "exp": now + 300,
            "event_name": "workflow_dispatch", "ref": "refs/heads/main",
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &all, &self.key).unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answering = std::future::Ready<axum::Json<Value>>;

fn answer(value: Value) -> impl Fn() -> Answering + Clone + Send + Sync + 'static {
    move || std::future::ready(axum::Json(value.clone()))
}
