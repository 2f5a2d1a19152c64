//! A world that moves by itself, for demonstrations: webhooks go out, runs are played.
//!
//! Tests never use it: they decide when things happen. The loop holds the world only while it
//! works, so that dropping the last handle still ends it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::World;

/// How often it looks for something to do; people do not notice.
const LOOK_MS: u64 = 50;

impl World {
    /// From now on webhooks are delivered to `url` as they come up, and runs that have a script are
    /// played at once, side by side.
    pub fn live(&self, url: &str) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(deliver_forever(weak.clone(), url.to_owned()));
        tokio::spawn(play_forever(weak));
    }
}

async fn deliver_forever(weak: Weak<crate::Handle>, url: String) {
    while let Some(handle) = weak.upgrade() {
        let world = World(handle);
        world.deliver(&url).await;
        drop(world);
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

async fn play_forever(weak: Weak<crate::Handle>) {
    while let Some(handle) = weak.upgrade() {
        let world = World(handle);
        while let Some((run, script)) = world.next_queued() {
            let shared = Arc::clone(world.shared());
            tokio::spawn(async move { shared.play(run, script).await });
        }
        drop(world);
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}
