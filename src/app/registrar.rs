//! Registration with GitHub: the manifest's code becomes credentials in the data directory.

use std::path::PathBuf;

use async_trait::async_trait;
use url::Url;

use crate::config::server::{StoredCredentials, store_credentials};
use crate::forge::github::app::convert_manifest;
use crate::ports::forge::ForgeError;
use crate::ports::registrar::{RegisterError, Registered, Registrar};

/// Registers the App with GitHub.
#[derive(Debug, Clone)]
pub struct GithubRegistrar {
    /// GitHub's REST address.
    pub api_url: Url,
    /// Where the credentials are kept.
    pub data_dir: PathBuf,
}

#[async_trait]
impl Registrar for GithubRegistrar {
    async fn register(&self, code: &str) -> Result<Registered, RegisterError> {
        let app = convert_manifest(&self.api_url, code).await.map_err(|error| match error {
            ForgeError::NotFound(_) => RegisterError::CodeSpent,
            error => RegisterError::Forge(error.to_string()),
        })?;
        let credentials = StoredCredentials {
            app_id: app.id,
            slug: app.slug.clone(),
            html_url: app.html_url.clone(),
            private_key: app.pem,
            webhook_secret: app.webhook_secret,
            client_id: app.client_id,
            client_secret: app.client_secret,
        };
        store_credentials(&self.data_dir, &credentials)
            .map_err(|error| RegisterError::Store(error.to_string()))?;
        Ok(Registered { slug: app.slug, page: app.html_url })
    }
}
