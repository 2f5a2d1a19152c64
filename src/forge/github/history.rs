//! What GitHub remembers: the App's own delivery log, and pull requests by when they changed.
//!
//! The log belongs to the App and not to an installation, so it is read with the App's token. It is
//! paged by a cursor that stands in the `Link` header and nowhere else. GitHub keeps three days,
//! Enterprise Server seven. Its filter `status=failure` misses connections that broke, so it is not
//! used. <https://docs.github.com/en/rest/apps/webhooks>

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::GithubForge;
use super::client::As;
use super::reader::segment;
use super::types::{PullJson, moment};
use crate::domain::ids::{DeliveryId, RepoId, Timestamp};
use crate::domain::pull::{PullHead, Repo};
use crate::ports::forge::ForgeError;
use crate::ports::history::{ForgeHistory, LoggedDelivery, LoggedPage};

/// Entries in one page; GitHub gives no more.
const PAGE: usize = 100;

/// Pages of changed pull requests that are read at most: who changes more within an hour than that
/// has newer things to look at.
const PULL_PAGES_MAX: usize = 3;

/// One entry of the log.
#[derive(Deserialize)]
struct Entry {
    id: u64,
    guid: String,
    delivered_at: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    status_code: i64,
    #[serde(default)]
    repository_id: Option<u64>,
}

/// One entry with its payload, byte for byte as GitHub shows it.
#[derive(Deserialize)]
struct Whole {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    payload: Box<RawValue>,
}

fn logged(entry: Value) -> Result<LoggedDelivery, ForgeError> {
    let entry: Entry =
        serde_json::from_value(entry).map_err(|error| ForgeError::Unreadable(error.to_string()))?;
    Ok(LoggedDelivery {
        entry: entry.id,
        id: DeliveryId::parse(&entry.guid)?,
        event: entry.event,
        action: entry.action,
        repo: entry.repository_id.map(RepoId::new),
        at: moment(&entry.delivered_at)?,
        answer: u16::try_from(entry.status_code).ok().filter(|code| *code > 0),
    })
}

#[async_trait]
impl ForgeHistory for GithubForge {
    async fn deliveries(&self, cursor: Option<&str>) -> Result<LoggedPage, ForgeError> {
        let mut path = format!("/app/hook/deliveries?per_page={PAGE}");
        if let Some(cursor) = cursor {
            path = format!("{path}&cursor={}", segment(cursor));
        }
        let answer = self.client.as_app(Method::GET, &path, None).await?;
        let entries: Vec<Value> = answer.json()?;
        let mut deliveries = Vec::with_capacity(entries.len());
        for entry in entries {
            // One entry that we cannot read must not hide the others.
            match logged(entry) {
                Ok(logged) => deliveries.push(logged),
                Err(error) => tracing::warn!(%error, "an entry of the log was left out"),
            }
        }
        Ok(LoggedPage { deliveries, next: next_cursor(&answer.headers) })
    }

    async fn payload(&self, logged: &LoggedDelivery) -> Result<Bytes, ForgeError> {
        let path = format!("/app/hook/deliveries/{}", logged.entry);
        let whole: Whole = self.client.as_app(Method::GET, &path, None).await?.json()?;
        Ok(Bytes::copy_from_slice(whole.request.payload.get().as_bytes()))
    }

    async fn pulls_changed(
        &self,
        repo: &Repo,
        since: Timestamp,
    ) -> Result<Vec<PullHead>, ForgeError> {
        let mut changed = Vec::new();
        for page in 1..=PULL_PAGES_MAX {
            let path = format!(
                "/pulls?state=open&sort=updated&direction=desc&per_page={PAGE}&page={page}"
            );
            let answer = self.client.call(As::reader(repo), Method::GET, &path, None).await?;
            let listed: Vec<PullJson> = answer.json()?;
            let is_last = listed.len() < PAGE;
            for json in listed {
                let pull = json.into_pull(repo)?;
                if pull.updated_at < since {
                    return Ok(changed);
                }
                changed.push(pull.into());
            }
            if is_last {
                break;
            }
        }
        Ok(changed)
    }
}

/// The cursor of the next page, from `Link: <…?cursor=…>; rel="next"`.
fn next_cursor(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let url = next.split_once('<')?.1.split_once('>')?.0;
    let url = Url::parse(url).ok()?;
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, link.parse().unwrap());
        assert_eq!(next_cursor(&headers).as_deref(), expected, "{link}");
    }

    #[test]
    fn the_next_page_is_where_the_link_says() {
        let api = "https://api.github.com/app/hook/deliveries?per_page=100";
        check(&format!("<{api}&cursor=v1_12077215967>; rel=\"next\""), Some("v1_12077215967"));
        check(&format!("<{api}&cursor=v1%2F1%3D>; rel=\"next\""), Some("v1/1="));
        check(&format!("<{api}>; rel=\"first\", <{api}&cursor=7>; rel=\"next\""), Some("7"));
        check(&format!("<{api}&cursor=7>; rel=\"prev\""), None);
        check(&format!("<{api}>; rel=\"next\""), None);
        check("rel=\"next\"", None);
        assert_eq!(next_cursor(&HeaderMap::new()), None);
    }
}
