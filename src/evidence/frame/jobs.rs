//! What the end of a job says about its steps.

use std::collections::HashMap;

use super::{Verdict, Window};

/// How near to a window's end the runner's last words stand.
const LAST_LINES: usize = 30;

/// What is known of a job.
#[derive(Debug, Clone, Copy, Default)]
struct Job {
    failed: bool,
    ended: bool,
}

/// A job that ran to its end without an error passed; so did the steps beside one that failed.
pub(super) fn judge(windows: &mut [Window]) {
    let mut jobs: HashMap<String, Job> = HashMap::new();
    for window in windows.iter() {
        let job = jobs.entry(window.job.clone()).or_default();
        job.failed |= window.verdict == Verdict::Failed;
        job.ended |= ends_job(window);
    }
    for window in windows {
        let job = jobs.get(&window.job).copied().unwrap_or_default();
        if job.ended && !job.failed {
            window.verdict = Verdict::Passed;
        }
    }
}

/// A log that says at its end that all went well.
pub(super) fn pass(windows: &mut [Window]) {
    for window in windows {
        window.verdict = Verdict::Passed;
    }
}

fn ends_job(window: &Window) -> bool {
    window.name == "Post job cleanup"
        || window.name == "Complete job"
        || window.ended_job_at.is_some_and(|at| at + LAST_LINES >= window.end)
}
