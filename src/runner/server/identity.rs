//! How a runner shows who it is: GitHub's OIDC token, or a one-time code from the server.
//!
//! Both come from the environment of the outer process and are never in an argument or a log. An
//! OIDC token is asked for anew for each try, because the server takes each only once.

use std::env;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::domain::brief::Identity;

/// The one-time code that a server gave to the machine that it started.
pub const CODE_VARIABLE: &str = "SELFHEAL_RUNNER_CODE";

/// Where GitHub Actions says how to ask for a token.
const OIDC_VARIABLES: (&str, &str) =
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");

/// Why a runner cannot show who it is.
#[derive(Debug, Error)]
pub enum NoIdentity {
    /// Nothing in the environment says so.
    #[error(
        "there is neither {CODE_VARIABLE} nor an OIDC token to ask for: in GitHub Actions the job \
         needs `permissions: id-token: write`"
    )]
    Nothing,
    /// GitHub's token service did not answer as documented.
    #[error("the OIDC token could not be had: {0}")]
    NoToken(String),
}

/// What a runner can show.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Where and with what to ask for an OIDC token.
    Oidc {
        /// The token service's URL for this job.
        url: Url,
        /// What it wants to see.
        request_token: SecretString,
    },
    /// A one-time code.
    Code(SecretString),
}

impl Credentials {
    /// What the environment holds.
    ///
    /// # Errors
    /// [`NoIdentity::Nothing`].
    pub fn of_environment() -> Result<Self, NoIdentity> {
        if let Ok(code) = env::var(CODE_VARIABLE) {
            return Ok(Self::Code(code.into()));
        }
        let (url, token) = OIDC_VARIABLES;
        let url = env::var(url).ok().and_then(|url| Url::parse(&url).ok());
        match (url, env::var(token)) {
            (Some(url), Ok(token)) => Ok(Self::Oidc { url, request_token: token.into() }),
            (Some(_) | None, Ok(_) | Err(_)) => Err(NoIdentity::Nothing),
        }
    }

    /// An identity for the server at `audience`.
    ///
    /// # Errors
    /// [`NoIdentity::NoToken`].
    pub async fn identity(
        &self,
        http: &reqwest::Client,
        audience: &str,
    ) -> Result<Identity, NoIdentity> {
        let (url, request_token) = match self {
            Self::Code(code) => {
                return Ok(Identity::Code { code: code.expose_secret().to_owned() });
            }
            Self::Oidc { url, request_token } => (url, request_token),
        };
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("audience", audience);
        let no_token = |error: reqwest::Error| NoIdentity::NoToken(error.without_url().to_string());
        let answer: OidcAnswer = http
            .get(url)
            .bearer_auth(request_token.expose_secret())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(no_token)?
            .json()
            .await
            .map_err(no_token)?;
        Ok(Identity::Oidc { token: answer.value })
    }
}

/// The token service's answer.
#[derive(Deserialize)]
struct OidcAnswer {
    value: String,
}
