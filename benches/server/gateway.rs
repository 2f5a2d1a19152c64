//! What the model gateway adds to a call, beside the same call made directly.

use std::collections::BTreeMap;
use std::sync::Arc;

use selfheal::config::prices;
use selfheal::domain::ledger::Caps;
use selfheal::domain::policy::NameFilter;
use selfheal::ports::ledger::Ledger;
use selfheal::providers::HttpProviders;
use selfheal::service::models::{Models, Patience, Terms};

/// Models that nobody calls.
pub(crate) fn closed(ledger: Arc<dyn Ledger>) -> Arc<Models> {
    let terms = Terms {
        prices: prices::shipped(),
        caps: Caps::default(),
        models: NameFilter::default(),
        output_tokens_max: 1,
        patience: Patience::default(),
        calls_max: 1,
    };
    let providers = HttpProviders::new(BTreeMap::new()).expect("no keys, no trouble");
    Arc::new(Models::new(ledger, Arc::new(providers), terms))
}
