//! Links to what happens in attempts, made by an operator who has the server's settings.

use anyhow::Context as _;
use url::Url;

use super::SystemClock;
use crate::config::server::ServerSettings;
use crate::domain::ids::AttemptId;
use crate::ports::clock::Clock as _;
use crate::service::live::keys::Keys;

/// How long a link opens: a working day and the night after it.
pub const LINK_HOURS: i64 = 24;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// The page of an attempt with the key that opens it; the server may be reached elsewhere than its
/// settings say.
///
/// # Errors
/// When the App's key is not set, or there is no address.
pub fn link(
    settings: &ServerSettings,
    server: Option<&Url>,
    attempt: AttemptId,
) -> anyhow::Result<Url> {
    let app = settings.app.as_ref();
    let app = app.context("the App's private key is not set; it signs the keys of links")?;
    let until = SystemClock.now().plus_ms(LINK_HOURS * HOUR_MS);
    let key = Keys::of(&app.private_key).key(attempt, until);
    let base = match server {
        Some(url) => url.clone(),
        None => super::public_url(settings)?,
    };
    let page = format!("{}/attempts/{attempt}?key={key}", base.as_str().trim_end_matches('/'));
    Ok(Url::parse(&page)?)
}
