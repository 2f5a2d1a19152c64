//! What the forge remembers: every try to tell, and which pull requests moved.

use async_trait::async_trait;
use bytes::Bytes;
use selfheal::domain::ids::Timestamp;
use selfheal::domain::pull::{Pull, PullHead, PullState, Repo};
use selfheal::ports::forge::ForgeError;
use selfheal::ports::history::{ForgeHistory, LoggedDelivery, LoggedPage};

use super::reader::shown;
use super::{Careless, SimForge};
use crate::simulation::truth::{EVENT_NAME, Logged, delivery_body, delivery_id, repo};

/// Entries of a page: few, so that walks through the log turn pages.
const PAGE: usize = 20;

fn entry((at, logged): (usize, &Logged)) -> LoggedDelivery {
    LoggedDelivery {
        entry: u64::try_from(at).unwrap(),
        id: delivery_id(logged.event),
        event: EVENT_NAME.to_owned(),
        action: None,
        repo: Some(repo().id),
        at: Timestamp::from_millis(logged.at),
        answer: logged.answer,
    }
}

fn head_of(pull: Pull) -> PullHead {
    let Pull { repo, number, head, base, state, updated_at, .. } = pull;
    PullHead { repo, number, head, base, state, updated_at }
}

#[async_trait]
impl ForgeHistory for SimForge {
    async fn deliveries(&self, cursor: Option<&str>) -> Result<LoggedPage, ForgeError> {
        let forgets = self.careless == Careless::History;
        self.read(|truth| {
            if forgets {
                return Ok(LoggedPage::default());
            }
            let end = cursor.map_or(truth.log.len(), |cursor| cursor.parse().unwrap());
            let begin = end.saturating_sub(PAGE);
            let page = truth.log.iter().enumerate().take(end).skip(begin);
            let mut deliveries: Vec<LoggedDelivery> = page.map(entry).collect();
            deliveries.reverse();
            Ok(LoggedPage { deliveries, next: (begin > 0).then(|| begin.to_string()) })
        })
        .await
    }

    async fn payload(&self, logged: &LoggedDelivery) -> Result<Bytes, ForgeError> {
        self.read(|truth| {
            let known = truth.log.get(usize::try_from(logged.entry).unwrap());
            let missing = || ForgeError::NotFound(format!("entry {}", logged.entry));
            known.map(|known| delivery_body(known.event)).ok_or_else(missing)
        })
        .await
    }

    async fn pulls_changed(
        &self,
        of: &Repo,
        since: Timestamp,
    ) -> Result<Vec<PullHead>, ForgeError> {
        let is_known = of.id == repo().id && self.careless != Careless::History;
        self.read(|truth| {
            let open = truth.pulls.iter().filter(|pull| pull.state == PullState::Open && is_known);
            let listed: Result<Vec<Pull>, ForgeError> =
                open.map(|pull| shown(truth, pull.number)).collect();
            let mut changed: Vec<PullHead> = listed?.into_iter().map(head_of).collect();
            changed.retain(|pull| pull.updated_at >= since);
            changed.sort_by_key(|pull| std::cmp::Reverse(pull.updated_at));
            Ok(changed)
        })
        .await
    }
}
