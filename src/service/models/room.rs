//! Whether an attempt that needs a model could make a single call: asked before it is started.
//!
//! The cheapest model of the list and the shortest question are what is asked with, so a "no" holds for
//! every call that could come. A "yes" promises nothing: each call is held against the caps when it is
//! made. What others hold is not counted as spent, because they will give most of it back.

use super::Models;
use crate::domain::brief::FixerSpec;
use crate::domain::ids::{CaseId, Timestamp};
use crate::domain::ledger::{self, Amount, OUTPUT_FLOOR_TOKENS, Passes, Scope, Wish};
use crate::domain::model::{CacheFor, PriceEntry};
use crate::domain::policy::Policy;
use crate::domain::pull::Pull;
use crate::models::UNSEEN_TOKENS;
use crate::ports::store::StoreError;

impl Models {
    /// The cap that leaves no room for any call, where the policy names only fixers that need one.
    ///
    /// # Errors
    /// [`StoreError`] when the ledger cannot be read.
    pub async fn spent_cap(
        &self,
        policy: &Policy,
        (case, pull): (Option<CaseId>, &Pull),
        now: Timestamp,
    ) -> Result<Option<Scope>, StoreError> {
        if !policy.fixers.iter().all(FixerSpec::needs_a_model) {
            return Ok(None);
        }
        let caps = self.terms.caps.lowered(&policy.budget.models);
        let usage = self.ledger.usage(case, pull.repo.id, pull.number, now).await?;
        let open = self.providers();
        let models = self.terms.prices.entries.iter();
        let models = models.filter(|entry| open.contains(&entry.provider));
        let mut spent = None;
        for entry in models {
            match ledger::grant(&least(entry), &caps, &usage) {
                Err(refusal) if refusal.passes == Passes::Never => spent = Some(refusal.scope),
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        Ok(spent)
    }
}

/// What the shortest call of a model would take.
fn least(entry: &PriceEntry) -> Wish {
    let (usd, output) = entry.price.worst(UNSEEN_TOKENS, CacheFor::Minutes);
    let prompt = Amount { usd, tokens: UNSEEN_TOKENS };
    Wish { prompt, output, output_tokens: OUTPUT_FLOOR_TOKENS }
}
