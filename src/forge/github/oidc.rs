//! Runners' OIDC tokens: signed by the forge for our very URL, for minutes.
//!
//! Verified: RS256 by a key of the issuer's set, `iss`, exact `aud`, `exp` and `nbf` within a
//! minute. `sub` is not looked at: its form can be changed and has changed. What the claims must
//! say about the attempt is judged by the caller; that a token is used once, by the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Deserializer};

use crate::domain::ids::{RepoId, RunId, Timestamp};
use crate::ports::clock::Clock;
use crate::ports::identity::{IdentityError, IdentityVerifier, RunnerClaims};

/// Keys are taken anew after an hour; the issuer rotates them over days.
const KEYS_MS_MAX: i64 = 60 * 60 * 1000;

/// An unknown key makes us ask again, but not more often than this.
const KEYS_AGAIN_MS: i64 = 30 * 1000;

/// Clocks may differ by this much.
const SKEW_SECS: i64 = 60;

/// Verifies the tokens of one issuer for one audience.
pub struct OidcVerifier {
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    keys: tokio::sync::Mutex<Option<(Timestamp, JwkSet)>>,
}

impl std::fmt::Debug for OidcVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcVerifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

/// GitHub writes its numbers as text in tokens.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(deserialize_with = "number")]
    repository_id: u64,
    #[serde(deserialize_with = "number")]
    run_id: u64,
    event_name: String,
    workflow_ref: String,
    #[serde(rename = "ref")]
    git_ref: String,
    jti: String,
    exp: i64,
    #[serde(default)]
    nbf: i64,
}

impl OidcVerifier {
    /// A verifier for tokens of `issuer` whose audience is exactly `audience`.
    ///
    /// # Errors
    /// [`super::SetupError::Http`] when no HTTP client can be made.
    pub fn new(
        issuer: &str,
        audience: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, super::SetupError> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| super::SetupError::Http(error.to_string()))?;
        Ok(Self {
            issuer: issuer.trim_end_matches('/').to_owned(),
            audience: audience.trim_end_matches('/').to_owned(),
            clock,
            http,
            keys: tokio::sync::Mutex::new(None),
        })
    }

    async fn key(&self, id: &str) -> Result<DecodingKey, IdentityError> {
        let now = self.clock.now();
        let mut known = self.keys.lock().await;
        let (has_key, age) = match known.as_ref() {
            Some((at, keys)) => (keys.find(id).is_some(), now.since_ms(*at)),
            None => (false, i64::MAX),
        };
        if age > KEYS_MS_MAX || (!has_key && age > KEYS_AGAIN_MS) {
            *known = Some((now, self.fetched().await?));
        }
        let found = known.as_ref().and_then(|(_, keys)| keys.find(id));
        let found =
            found.ok_or_else(|| invalid("it is signed by a key that the issuer has not"))?;
        DecodingKey::from_jwk(found).map_err(|_| invalid("its key cannot be used"))
    }

    async fn fetched(&self) -> Result<JwkSet, IdentityError> {
        let place = format!("{}/.well-known/openid-configuration", self.issuer);
        let discovery: Discovery = self.json(&place).await?;
        self.json(&discovery.jwks_uri).await
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, IdentityError> {
        let trouble = |error: reqwest::Error| IdentityError::Unavailable(error.to_string());
        let response = self.http.get(url).send().await.map_err(trouble)?;
        response.error_for_status().map_err(trouble)?.json().await.map_err(trouble)
    }
}

fn invalid(why: &str) -> IdentityError {
    IdentityError::Invalid(why.to_owned())
}

#[async_trait]
impl IdentityVerifier for OidcVerifier {
    async fn verify(&self, token: &str) -> Result<RunnerClaims, IdentityError> {
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| invalid("it is not a signed token"))?;
        if header.alg != Algorithm::RS256 {
            return Err(invalid("it is not signed by RS256"));
        }
        let id = header.kid.ok_or_else(|| invalid("it does not name its key"))?;
        let key = self.key(&id).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[&self.issuer]);
        // Times are judged by our own clock below.
        validation.validate_exp = false;
        validation.required_spec_claims =
            ["iss", "aud", "exp"].into_iter().map(str::to_owned).collect();
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map_err(|error| invalid(&error.to_string()))?
            .claims;
        let now = self.clock.now().millis() / 1000;
        if claims.exp + SKEW_SECS < now {
            return Err(invalid("it has ended"));
        }
        if claims.nbf - SKEW_SECS > now {
            return Err(invalid("it has not begun"));
        }
        Ok(RunnerClaims {
            repo: RepoId::new(claims.repository_id),
            run: RunId::new(claims.run_id),
            event: claims.event_name,
            workflow: claims.workflow_ref,
            git_ref: claims.git_ref,
            token_id: claims.jti,
        })
    }
}
