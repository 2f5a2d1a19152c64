//! Webhooks: every change of state queues what GitHub would send to the App.
//!
//! Nothing is sent by itself. `World::deliver` sends what is queued and notes how the App answered;
//! tests call it, so that they decide when the App hears what. A payload is frozen when the change
//! happens, as on GitHub: what the App reads in it may be stale by the time it arrives.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use anyhow::{Context, Result};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::World;
use crate::auth::grants;
use crate::odds::{Chance, Luck, Odds, Post, shuffled};
use crate::state::State;
use crate::state::app::{Installation, Level};
use crate::time::iso;

/// GitHub gives an App ten seconds to answer.
const ANSWER_SECS: u64 = 10;

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Queued.
    Waiting,
    /// GitHub believes that it tried; the App never saw it.
    Lost,
    /// The App answered with this status.
    Answered(u16),
    /// The App could not be reached.
    Failed(String),
}

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
    pub(crate) payload: Value,
    pub(crate) at_ms: i64,
    pub(crate) is_redelivery: bool,
    pub(crate) fate: Fate,
}

impl Delivery {
    /// `event` or `event.action`.
    pub(crate) fn name(&self) -> String {
        match &self.action {
            Some(action) => format!("{}.{action}", self.event),
            None => self.event.clone(),
        }
    }
}

/// All deliveries, and the trouble on order.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    pub(crate) log: Vec<Delivery>,
    queue: VecDeque<u64>,
    /// Queued deliveries that are held back until that time.
    late: BTreeMap<u64, i64>,
    lose: usize,
    is_doubling: bool,
    shuffle: Option<u64>,
}

impl Hooks {
    pub(crate) fn find(&self, id: u64) -> Option<&Delivery> {
        self.log.iter().find(|delivery| delivery.id == id)
    }

    /// What waits to be sent, oldest first.
    pub(crate) fn waiting(&self) -> Vec<&Delivery> {
        self.queue.iter().filter_map(|id| self.find(*id)).collect()
    }

    fn enqueue(&mut self, mut delivery: Delivery, post: Post) {
        let id = delivery.id;
        if self.lose > 0 && !delivery.is_redelivery {
            self.lose -= 1;
            delivery.fate = Fate::Lost;
        } else if post == Post::Lost {
            delivery.fate = Fate::Lost;
        } else {
            self.queue.push_back(id);
            if self.is_doubling || post == Post::Doubled {
                self.queue.push_back(id);
            }
            if let Post::Late(ms) = post {
                self.late.insert(id, delivery.at_ms + ms);
            }
        }
        self.log.push(delivery);
    }

    /// Takes what is to be sent by now, in the order in which it will be.
    fn take(&mut self, now_ms: i64) -> Vec<Delivery> {
        self.late.retain(|_, until| *until > now_ms);
        let (held, mut ids): (Vec<u64>, Vec<u64>) =
            self.queue.drain(..).partition(|id| self.late.contains_key(id));
        self.queue.extend(held);
        if let Some(seed) = self.shuffle {
            shuffled(&mut ids, seed);
        }
        ids.into_iter().filter_map(|id| self.find(id).cloned()).collect()
    }
}

/// What happened, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) event: &'a str,
    pub(crate) action: Option<&'a str>,
    pub(crate) repo: u64,
    pub(crate) sender: &'a str,
}

impl State {
    /// Queues a webhook about a repository, if the App would be told.
    pub(crate) fn tell(&mut self, now_ms: i64, telling: Telling<'_>, body: Value) {
        let Some(installation) = self.installation_of(telling.repo).cloned() else { return };
        if installation.suspended_ms.is_some() || !self.hears(telling.event, &installation) {
            return;
        }
        let mut payload = Map::new();
        if let Some(action) = telling.action {
            payload.insert("action".into(), action.into());
        }
        if let Value::Object(fields) = body {
            payload.extend(fields);
        }
        payload.insert("repository".into(), self.repo_json(telling.repo));
        let reference = json!({
            "id": installation.id, "node_id": format!("INST_{}", installation.id),
        });
        payload.insert("installation".into(), reference);
        payload.insert("sender".into(), self.user_json(telling.sender));
        let about = &About { installation: Some(installation.id), repo: Some(telling.repo) };
        self.queue_delivery(now_ms, (telling.event, telling.action), about, Value::Object(payload));
    }

    /// Queues a webhook about the installation itself; those are always delivered.
    pub(crate) fn tell_installation(
        &mut self,
        now_ms: i64,
        (event, action): (&str, &str),
        installation: u64,
        body: Value,
    ) {
        let mut payload = Map::new();
        payload.insert("action".into(), action.into());
        if let Value::Object(fields) = body {
            payload.extend(fields);
        }
        let about = &About { installation: Some(installation), repo: None };
        self.queue_delivery(now_ms, (event, Some(action)), about, Value::Object(payload));
    }

    /// Queues a `ping`, as GitHub does when a hook is set up.
    pub(crate) fn ping(&mut self, now_ms: i64) {
        let id = self.app.id;
        let events: Vec<&String> = self.app.events.iter().collect();
        let payload = json!({
            "zen": "Approachable is better than simple.",
            "hook_id": id,
            "hook": {
                "type": "App", "id": id, "name": "web", "active": true, "app_id": id,
                "events": events,
                "config": { "content_type": "json", "insecure_ssl": "0",
                            "url": self.app.hook_url, "secret": "********" },
                "created_at": iso(now_ms), "updated_at": iso(now_ms),
            },
        });
        let about = &About { installation: None, repo: None };
        self.queue_delivery(now_ms, ("ping", None), about, payload);
    }

    fn queue_delivery(
        &mut self,
        at_ms: i64,
        (event, action): (&str, Option<&str>),
        about: &About,
        payload: Value,
    ) {
        let delivery = Delivery {
            id: self.fresh_id(),
            guid: uuid::Uuid::new_v4().to_string(),
            event: event.to_owned(),
            action: action.map(str::to_owned),
            installation: about.installation,
            repo: about.repo,
            payload,
            at_ms,
            is_redelivery: false,
            fate: Fate::Waiting,
        };
        let post = self.luck.post();
        self.hooks.enqueue(delivery, post);
    }

    /// Queues a delivery once more, with the same GUID.
    pub(crate) fn redeliver(&mut self, id: u64, now_ms: i64) -> bool {
        let Some(mut again) = self.hooks.find(id).cloned() else { return false };
        again.id = self.fresh_id();
        again.is_redelivery = true;
        again.at_ms = now_ms;
        again.fate = Fate::Waiting;
        self.hooks.enqueue(again, Post::Sent);
        true
    }

    /// Files a try to deliver, at the time when it was made: a delivery has no number before.
    fn tried(&mut self, delivery: Delivery, fate: Fate, now_ms: i64) {
        self.hooks.log.retain(|kept| kept.id != delivery.id || kept.fate != Fate::Waiting);
        let id = self.fresh_id();
        self.hooks.log.push(Delivery { id, at_ms: now_ms, fate, ..delivery });
    }

    /// Whether the App subscribed to an event and holds the permission behind it.
    fn hears(&self, event: &str, installation: &Installation) -> bool {
        let permission = match event {
            "pull_request" | "pull_request_review_comment" => "pull_requests",
            "workflow_run" => "actions",
            "check_run" | "check_suite" => "checks",
            "status" => "statuses",
            "issue_comment" => "issues",
            "push" => "contents",
            "merge_group" => "merge_queues",
            _ => "metadata",
        };
        // An App that may write checks is told of them whether it asked or not.
        let forced =
            permission == "checks" && grants(&installation.permissions, permission, Level::Write);
        let asked = self.app.events.contains(event)
            && grants(&installation.permissions, permission, Level::Read);
        forced || asked
    }
}

/// What a delivery is filed under.
struct About {
    installation: Option<u64>,
    repo: Option<u64>,
}

/// How the App answered one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// `event` or `event.action`.
    pub name: String,
    /// The delivery's GUID.
    pub guid: String,
    /// The App's status; `None` when it could not be reached.
    pub status: Option<u16>,
}

impl World {
    /// Sends everything that is queued to the App's webhook address, one after the other, until
    /// nothing is queued any more.
    pub async fn deliver(&self, url: &str) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        loop {
            let (batch, secret) = {
                let now_ms = self.now_ms();
                let mut state = self.state();
                (state.hooks.take(now_ms), state.app.webhook_secret.clone())
            };
            if batch.is_empty() {
                return delivered;
            }
            for delivery in batch {
                let fate = match self.send(url, &delivery, &secret).await {
                    Ok(status) => Fate::Answered(status),
                    Err(error) => Fate::Failed(format!("{error:#}")),
                };
                let status = if let Fate::Answered(status) = fate { Some(status) } else { None };
                delivered.push(Delivered {
                    name: delivery.name(),
                    guid: delivery.guid.clone(),
                    status,
                });
                let now_ms = self.now_ms();
                self.state().tried(delivery, fate, now_ms);
            }
        }
    }

    async fn send(&self, url: &str, delivery: &Delivery, secret: &str) -> Result<u16> {
        let body = delivery.payload.to_string();
        let app = self.state().app.id.to_string();
        let response = self
            .http()
            .post(url)
            .timeout(Duration::from_secs(ANSWER_SECS))
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/044aadd")
            .header("x-github-event", &delivery.event)
            .header("x-github-delivery", &delivery.guid)
            .header("x-github-hook-id", &app)
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-github-hook-installation-target-id", &app)
            .header("x-hub-signature-256", signature(secret, body.as_bytes()))
            .body(body)
            .send()
            .await
            .context("the App's webhook address did not answer")?;
        Ok(response.status().as_u16())
    }

    /// From now on webhooks and requests meet trouble by chance, which follows from the seed.
    pub fn trouble(&self, seed: u64, odds: Odds) {
        self.state().luck = Luck { odds, chance: Chance::of(seed) };
    }

    /// Queued webhooks, as `event.action`, oldest first.
    pub fn queued_webhooks(&self) -> Vec<String> {
        self.state().hooks.waiting().into_iter().map(Delivery::name).collect()
    }

    /// The payloads of queued webhooks of a name (`event` or `event.action`), oldest first.
    pub fn queued_payloads(&self, name: &str) -> Vec<Value> {
        let state = self.state();
        let waiting = state.hooks.waiting().into_iter();
        waiting.filter(|one| one.name() == name).map(|one| one.payload.clone()).collect()
    }

    /// Forgets what is queued, as if the App had not been there.
    pub fn discard_webhooks(&self) {
        self.state().hooks.queue.clear();
    }

    /// The log of deliveries is lost, as after three days; what is queued is sent all the same.
    pub fn forget_deliveries(&self) {
        let mut state = self.state();
        let Hooks { log, queue, .. } = &mut state.hooks;
        log.retain(|kept| queue.contains(&kept.id));
    }

    /// The next `count` webhooks are lost: GitHub lists them as failed and never sends them again.
    pub fn lose_webhooks(&self, count: usize) {
        self.state().hooks.lose = count;
    }

    /// From now on every webhook arrives twice, with the same GUID.
    pub fn double_webhooks(&self) {
        self.state().hooks.is_doubling = true;
    }

    /// From now on queued webhooks arrive in an order that the seed decides.
    pub fn reorder_webhooks(&self, seed: u64) {
        self.state().hooks.shuffle = Some(seed);
    }

    /// Queues a delivery once more, with the same GUID; whether there is such a delivery.
    pub fn redeliver(&self, guid: &str) -> bool {
        let now = self.now_ms();
        let mut state = self.state();
        let found = state.hooks.log.iter().find(|kept| kept.guid == guid).map(|kept| kept.id);
        found.is_some_and(|id| state.redeliver(id, now))
    }

    /// Webhooks that GitHub believes to have failed, with what it was answered, if anything.
    pub fn failed_webhooks(&self) -> Vec<Delivered> {
        let state = self.state();
        let failed = state.hooks.log.iter().filter_map(|kept| {
            let status = match &kept.fate {
                Fate::Lost | Fate::Failed(_) => None,
                Fate::Answered(status) if *status >= 400 => Some(*status),
                Fate::Answered(_) | Fate::Waiting => return None,
            };
            Some(Delivered { name: kept.name(), guid: kept.guid.clone(), status })
        });
        failed.collect()
    }

    /// Asks for a `ping`.
    pub fn ping(&self) {
        let now = self.now_ms();
        self.state().ping(now);
    }
}

/// The value of `X-Hub-Signature-256`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("invariant: HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_githubs() {
        // From <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>.
        assert_eq!(
            signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
