//! Who asks: App JWTs and installation tokens, judged by the world's own clock.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, Validation};
use serde_json::Value;

use crate::keys;
use crate::reply::Reply;
use crate::state::State;
use crate::state::app::{Level, Permissions, Token};

/// GitHub refuses App JWTs that live longer than ten minutes.
const JWT_LIFE_SECS: i64 = 600;

/// How far `iat` may lie ahead of our clock.
const JWT_SKEW_SECS: i64 = 60;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Nobody,
    App,
    Installation(Token),
}

impl Caller {
    pub(crate) fn has(&self, permission: &str, level: Level) -> bool {
        match self {
            Self::Installation(token) => grants(&token.permissions, permission, level),
            Self::Nobody | Self::App => false,
        }
    }
}

/// Whether permissions hold one at a level; everybody may read metadata.
pub(crate) fn grants(permissions: &Permissions, name: &str, level: Level) -> bool {
    let always = name == "metadata" && level == Level::Read;
    always || permissions.get(name).is_some_and(|held| *held >= level)
}

/// Reads an `Authorization` header.
pub(crate) fn caller(state: &State, header: Option<&str>, now_ms: i64) -> Result<Caller, Reply> {
    let Some(header) = header else { return Ok(Caller::Nobody) };
    let (scheme, value) = header.split_once(' ').unwrap_or(("", header));
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(bad_credentials());
    }
    if value.starts_with("ey") && value.matches('.').count() == 2 {
        return jwt(state, value, now_ms).map(|()| Caller::App);
    }
    token(state, value, now_ms).map(Caller::Installation)
}

/// The living installation token behind a value.
pub(crate) fn token(state: &State, value: &str, now_ms: i64) -> Result<Token, Reply> {
    let token = state.tokens.get(value).ok_or_else(bad_credentials)?;
    if token.until_ms <= now_ms {
        return Err(bad_credentials());
    }
    let Some(installation) = state.installations.get(&token.installation) else {
        return Err(bad_credentials());
    };
    if installation.suspended_ms.is_some() {
        return Err(suspended());
    }
    Ok(token.clone())
}

/// The answer to everything while an installation is suspended.
pub(crate) fn suspended() -> Reply {
    Reply::refused(403, "This installation has been suspended")
}

/// Whether a token reaches a repository now.
pub(crate) fn reaches(state: &State, token: &Token, repo: u64) -> bool {
    let installed = state.installation_of(repo).is_some_and(|inst| inst.id == token.installation);
    let narrowed = token.repos.as_ref().is_none_or(|ids: &BTreeSet<u64>| ids.contains(&repo));
    installed && narrowed
}

fn bad_credentials() -> Reply {
    Reply::refused(401, "Bad credentials")
}

fn jwt(state: &State, value: &str, now_ms: i64) -> Result<(), Reply> {
    let mut checks = Validation::new(Algorithm::RS256);
    checks.validate_exp = false;
    checks.validate_aud = false;
    checks.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Value>(value, &keys::app_key().public, &checks)
        .map_err(|_| Reply::refused(401, "A JSON web token could not be decoded"))?;
    let claims = decoded.claims;
    let now = now_ms / 1000;
    let issuer = match &claims["iss"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if issuer != state.app.id.to_string() && issuer != state.app.client_id {
        return Err(Reply::refused(404, "Integration not found"));
    }
    let expires = claims["exp"].as_i64().unwrap_or(0);
    if expires <= now {
        return Err(Reply::refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time \
             at which the assertion expires",
        ));
    }
    if expires > now + JWT_LIFE_SECS {
        return Err(Reply::refused(
            401,
            "'Expiration time' claim ('exp') is too far in the future",
        ));
    }
    let issued = claims["iat"].as_i64().unwrap_or(i64::MAX);
    if issued > now + JWT_SKEW_SECS {
        return Err(Reply::refused(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the \
             assertion was issued",
        ));
    }
    Ok(())
}
