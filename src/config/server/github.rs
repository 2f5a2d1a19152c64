//! Where a GitHub is, and what follows from its web address.

use url::Url;

/// Where a GitHub is: github.com, an enterprise's own server, or a test's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubHost {
    /// As people see it.
    pub web_url: Url,
    /// Its REST API.
    pub api_url: Url,
    /// Its GraphQL API, up to and including `/graphql`.
    pub graphql_url: Url,
    /// Who signs the identity of workflow runs, exactly as the `iss` claim says it.
    pub oidc_issuer: String,
}

impl GithubHost {
    /// The usual addresses for a forge that people see at `web_url`.
    ///
    /// github.com and GHE.com have hosts of their own for the API; an enterprise's server has
    /// paths. Source: <https://docs.github.com/enterprise-server/rest/enterprise-admin>.
    ///
    /// # Panics
    /// Never: an address made of a good one is good.
    pub fn at(web_url: Url) -> Self {
        let host = web_url.host_str().unwrap_or_default().to_owned();
        let tenant = host.ends_with(".ghe.com").then_some(host.as_str());
        let derived = match (host.as_str(), tenant) {
            ("github.com", _) => [
                "https://api.github.com".to_owned(),
                "https://api.github.com/graphql".to_owned(),
                "https://token.actions.githubusercontent.com".to_owned(),
            ],
            (_, Some(tenant)) => [
                format!("https://api.{tenant}"),
                format!("https://api.{tenant}/graphql"),
                format!("https://token.actions.{tenant}"),
            ],
            (_, None) => {
                let web = web_url.as_str().trim_end_matches('/');
                let paths = ["api/v3", "api/graphql", "_services/token"];
                paths.map(|path| format!("{web}/{path}"))
            }
        };
        let [api, graphql, oidc_issuer] = derived;
        let url = |text: String| {
            Url::parse(&text).expect("invariant: an address made of a good one is good")
        };
        Self { web_url, api_url: url(api), graphql_url: url(graphql), oidc_issuer }
    }
}
