//! Providers of models: a request goes out under the operator's key, the answer comes as a stream.
//!
//! Whoever asks gives no key and gets none: the adapter alone holds them. An error says whether the
//! provider may have done the work, because what may have been done may have to be paid.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method, StatusCode};
use thiserror::Error;

use crate::domain::model::Provider;

/// A request to a provider.
#[derive(Debug, Clone)]
pub struct ToProvider {
    /// Which provider.
    pub provider: Provider,
    /// The method.
    pub method: Method,
    /// Path and query, from the provider's base address on.
    pub path: String,
    /// Headers, without any credential.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A provider's answer; its body is still on the way.
pub struct FromProvider {
    /// The status.
    pub status: StatusCode,
    /// All headers that it sent.
    pub headers: HeaderMap,
    /// The body, piece by piece as it arrives.
    pub body: BoxStream<'static, Result<Bytes, ProviderError>>,
}

impl std::fmt::Debug for FromProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromProvider").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer, or no more of it.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// Nobody set this provider up.
    #[error("the provider {} is not set up", .0.as_str())]
    NotSetUp(Provider),
    /// The provider could not be reached; nothing was sent.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It said nothing for too long; it may have done the work.
    #[error("the provider said nothing for too long")]
    Silent,
    /// The connection broke; the provider may have done the work.
    #[error("the connection to the provider broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends requests to providers.
#[async_trait]
pub trait Providers: Send + Sync {
    /// The providers that are set up.
    fn open(&self) -> Vec<Provider>;

    /// Sends a request and returns when the head of the answer is there.
    async fn send(&self, request: ToProvider) -> Result<FromProvider, ProviderError>;
}
