//! Shortening: the least of a failing plan that still fails, so that a person can follow it.
//!
//! What is left out changes what the dice fall on, so the shortened history is another one; it only
//! has to end wrong, too.

use super::plan::{Plan, Rates};

/// The plan without everything that it can do without and still fail.
pub(crate) fn shortened(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut short = plan.clone();
    let mut without = |change: &dyn Fn(&mut Plan)| {
        let mut candidate = short.clone();
        change(&mut candidate);
        if fails(&candidate) {
            short = candidate;
        }
    };
    for at in (0..plan.acts.len()).rev() {
        without(&|plan| _ = plan.acts.remove(at));
    }
    for rate in 0..Rates::COUNT {
        without(&|plan| *plan.rates.all()[rate] = 0);
    }
    short
}
