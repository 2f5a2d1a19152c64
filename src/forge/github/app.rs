//! The App's registration: made by the manifest flow, looked at by `selfheal doctor`.

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Client;
use super::reader::segment;
use crate::domain::ids::{InstallationId, RepoId, RepoSlug};
use crate::domain::pull::Repo;
use crate::ports::forge::ForgeError;

/// What GitHub hands out when a manifest is converted: once, and never again.
#[derive(Debug, Deserialize)]
pub struct NewApp {
    /// The App's number.
    pub id: u64,
    /// Its name in URLs.
    pub slug: String,
    /// Its page.
    pub html_url: String,
    /// Its private key.
    pub pem: SecretString,
    /// The secret that its webhooks are signed with.
    pub webhook_secret: SecretString,
    /// Its OAuth client.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: SecretString,
}

/// The App's registration as GitHub shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Registration {
    /// The App's number.
    pub id: u64,
    /// Its name in URLs.
    #[serde(default)]
    pub slug: Option<String>,
    /// What it may do, by permission.
    #[serde(default)]
    pub permissions: Map<String, Value>,
    /// Which events it is sent.
    #[serde(default)]
    pub events: Vec<String>,
    /// On how many accounts it is installed.
    #[serde(default)]
    pub installations_count: Option<u64>,
}

/// Where webhooks go.
#[derive(Debug, Clone, Deserialize)]
pub struct Hook {
    /// The address.
    #[serde(default)]
    pub url: Option<String>,
    /// `json` is what we read.
    #[serde(default)]
    pub content_type: Option<String>,
}

impl Client {
    /// The App's registration.
    ///
    /// # Errors
    /// [`ForgeError::NoAccess`] when number and key do not belong together.
    pub async fn registration(&self) -> Result<Registration, ForgeError> {
        self.as_app(Method::GET, "/app", None).await?.json()
    }

    /// Where webhooks go.
    ///
    /// # Errors
    /// [`ForgeError`] when GitHub could not be asked.
    pub async fn hook(&self) -> Result<Hook, ForgeError> {
        self.as_app(Method::GET, "/app/hook/config", None).await?.json()
    }

    /// The installation on a repository, and the repository's number.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] when the App is not installed there.
    pub async fn installed_on(&self, slug: &RepoSlug) -> Result<InstallationId, ForgeError> {
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let path = format!("/repos/{slug}/installation");
        let found: Installation = self.as_app(Method::GET, &path, None).await?.json()?;
        Ok(InstallationId::new(found.id))
    }

    /// Whether a workflow is on the default branch, and whether it is active.
    ///
    /// # Errors
    /// [`ForgeError`] when GitHub could not be asked; a missing workflow is `None`.
    pub async fn workflow_state(
        &self,
        repo: &Repo,
        file: &str,
    ) -> Result<Option<String>, ForgeError> {
        #[derive(Deserialize)]
        struct Workflow {
            state: String,
        }
        match self.get::<Workflow>(repo, &format!("/actions/workflows/{}", segment(file))).await {
            Ok(workflow) => Ok(Some(workflow.state)),
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A repository by its name, with the number by which everything else knows it.
    ///
    /// The number is read from the answer to a token narrowed to that name, which lists what the
    /// token reaches.
    /// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
    ///
    /// # Errors
    /// [`ForgeError::Refused`] when the installation does not reach it.
    pub async fn repo_named(
        &self,
        slug: &RepoSlug,
        installation: InstallationId,
    ) -> Result<Repo, ForgeError> {
        #[derive(Deserialize)]
        struct Narrowed {
            #[serde(default)]
            repositories: Vec<Numbered>,
        }
        #[derive(Deserialize)]
        struct Numbered {
            id: u64,
        }
        let path = format!("/app/installations/{installation}/access_tokens");
        let body = json!({ "repositories": [slug.name()], "permissions": { "metadata": "read" } });
        let narrowed: Narrowed = self.as_app(Method::POST, &path, Some(&body)).await?.json()?;
        let [Numbered { id }] = narrowed.repositories[..] else {
            return Err(ForgeError::Unreadable("a token that does not say its repository".into()));
        };
        Ok(Repo { id: RepoId::new(id), slug: slug.clone(), installation })
    }
}

/// Converts a manifest's one-time code into the App's credentials.
///
/// # Errors
/// [`ForgeError::NotFound`] when the code was used or is older than an hour.
pub async fn convert_manifest(api: &url::Url, code: &str) -> Result<NewApp, ForgeError> {
    let base = api.as_str().trim_end_matches('/');
    let url = format!("{base}/app-manifests/{}/conversions", segment(code));
    let trouble = |error: reqwest::Error| ForgeError::Unavailable(error.to_string());
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(20))
        .user_agent("selfheal")
        .build()
        .map_err(trouble)?;
    let response = client
        .post(url)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .send()
        .await
        .map_err(trouble)?;
    match response.status().as_u16() {
        201 => response.json().await.map_err(trouble),
        404 | 422 => Err(ForgeError::NotFound("the code".to_owned())),
        status => Err(ForgeError::Unavailable(format!("status {status}"))),
    }
}
