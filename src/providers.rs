//! Providers over HTTP: the only place that has the operator's keys for models, and puts them on.
//!
//! Connections are kept and shared by all attempts. Answers are taken as they come: not unpacked, not
//! gathered. Redirects are not followed, because a key goes nowhere but where the operator said.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::Full;
use reqwest::redirect::Policy;
use reqwest::{Body, Client};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::Url;

use crate::domain::model::Provider;
use crate::ports::providers::{FromProvider, ProviderError, Providers, ToProvider};

/// A provider that is up answers a connection within a round trip or two.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that rest are kept for the usual pauses of an agent, and closed well before providers
/// do it: a request that meets a closing connection may have been taken, and stays charged.
const REST: Duration = Duration::from_secs(50);

/// Connections that rest, by host: as many as streams usually run at once.
const RESTING_MAX: usize = 64;

/// How long a silent connection is believed in: keep-alive finds those that are gone.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where a provider is, and with which key.
#[derive(Debug, Clone)]
pub struct Way {
    /// Its base address; paths are added to it.
    pub base_url: Url,
    /// The operator's key; none where the address needs none.
    pub key: Option<SecretString>,
}

/// Why providers cannot be reached at all.
#[derive(Debug, Error)]
pub enum WayError {
    /// The client.
    #[error("no client for providers of models")]
    Client(#[from] reqwest::Error),
    /// A key that no header can hold.
    #[error("the key of {} cannot be sent: it has other characters than keys have", .0.as_str())]
    Key(Provider),
}

/// Providers over HTTP.
#[derive(Debug)]
pub struct HttpProviders {
    client: Client,
    ways: BTreeMap<Provider, Route>,
}

/// A way with its key as a header; the header is marked as sensitive.
#[derive(Debug)]
struct Route {
    base: String,
    key: Option<(HeaderName, HeaderValue)>,
}

impl HttpProviders {
    /// The providers that these ways lead to.
    ///
    /// # Errors
    /// [`WayError`] when a key cannot be sent.
    pub fn new(ways: BTreeMap<Provider, Way>) -> Result<Self, WayError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_gzip()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(REST)
            .pool_max_idle_per_host(RESTING_MAX)
            .tcp_keepalive(KEEPALIVE)
            .tcp_nodelay(true)
            .http1_only()
            .build()?;
        let routes =
            ways.into_iter().map(|(provider, way)| Ok((provider, Route::new(provider, &way)?)));
        Ok(Self { client, ways: routes.collect::<Result<_, WayError>>()? })
    }
}

impl Route {
    fn new(provider: Provider, way: &Way) -> Result<Self, WayError> {
        let key = way.key.as_ref().map(|key| -> Result<_, WayError> {
            let (name, value) = provider.credential(key.expose_secret());
            let mut value = HeaderValue::from_str(&value).map_err(|_| WayError::Key(provider))?;
            value.set_sensitive(true);
            Ok((HeaderName::from_static(name), value))
        });
        let base = way.base_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, key: key.transpose()? })
    }

    /// The headers of a request, with our key and without anything that would change the answer's form.
    fn headers(&self, mut headers: HeaderMap) -> HeaderMap {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((name, value)) = &self.key {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }
}

#[async_trait]
impl Providers for HttpProviders {
    fn open(&self) -> Vec<Provider> {
        self.ways.keys().copied().collect()
    }

    async fn send(&self, request: ToProvider) -> Result<FromProvider, ProviderError> {
        let provider = request.provider;
        let route = self.ways.get(&provider).ok_or(ProviderError::NotSetUp(provider))?;
        let sent = self
            .client
            .request(request.method, format!("{}/{}", route.base, request.path))
            .headers(route.headers(request.headers))
            // Not kept for a second try: a body may be large, and its answer takes minutes.
            .body(Body::wrap(Full::new(request.body)))
            .send()
            .await;
        let answer = sent.map_err(|error| {
            let nothing_was_sent = error.is_connect() || error.is_builder();
            let error = Box::new(error.without_url());
            if nothing_was_sent {
                ProviderError::Unreachable(error)
            } else {
                ProviderError::Broken(error)
            }
        })?;
        Ok(FromProvider {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer
                .bytes_stream()
                .map_err(|error| ProviderError::Broken(Box::new(error.without_url())))
                .boxed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(key: Option<&str>) -> Way {
        let base_url = Url::parse("https://models.example/base/").unwrap();
        Way { base_url, key: key.map(SecretString::from) }
    }

    #[test]
    fn each_provider_gets_the_key_where_it_looks_for_it() {
        for (provider, name, value) in [
            (Provider::Anthropic, "x-api-key", "k-1"),
            (Provider::OpenAi, "authorization", "Bearer k-1"),
            (Provider::Gemini, "x-goog-api-key", "k-1"),
        ] {
            let route = Route::new(provider, &way(Some("k-1"))).unwrap();
            let headers = route.headers(HeaderMap::new());
            assert_eq!(headers[name], value);
            assert!(!format!("{route:?} {headers:?}").contains("k-1"));
            assert_eq!(route.base, "https://models.example/base");
        }
    }

    #[test]
    fn a_key_that_no_header_can_hold_stops_the_start() {
        let error = Route::new(Provider::Gemini, &way(Some("k\n1"))).unwrap_err();
        assert!(!error.to_string().contains("k\n1"), "{error}");
        assert!(Route::new(Provider::Gemini, &way(None)).unwrap().key.is_none());
    }
}
