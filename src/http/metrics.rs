//! Metrics in the text format of Prometheus 0.0.4: the figures of the last 30 days, and what waits now.
//!
//! All are gauges, read from the store: every replica says the same, and a restart changes nothing.
//! What is not known has no line. Labels are classes and names of ours; a repository's own stand only
//! on the flaky tests that cost most, so their number stays small whatever a repository does, and what
//! a test's name hides is shown and cut.

use std::fmt::Display;

use crate::domain::autonomy::Level;
use crate::domain::figures::{Figures, Quantiles, Stats, Times};
use crate::ports::store::Backlog;
use crate::report::markdown::{cut, visible};
use crate::service::flaky::Counts;

/// Characters of a value that is a repository's own text.
const VALUE_CHARS_MAX: usize = 200;

/// The whole answer.
pub(super) fn text(stats: &Stats, backlog: &Backlog, flakes: &Counts, overruns: u64) -> String {
    let mut page = Page::default();
    page.family("selfheal_cases_30d", "Cases that were opened within 30 days, by what failed.");
    page.each(stats, |figures| [("opened", figures.cases), ("eligible", figures.eligible)]);
    page.each(stats, |figures| [("healed", figures.healed), ("escalated", figures.escalated)]);
    page.each(stats, |figures| [("rerun_saved", figures.reruns_saved)]);
    page.family("selfheal_false_fixes_30d", "Their fixes that turned out wrong.");
    for (class, figures) in &stats.by_class {
        page.line(&format!("{{class=\"{}\"}}", label(class)), figures.false_fixes);
    }
    page.family(
        "selfheal_false_fix_signs_30d",
        "What showed that; one fix may have several signs.",
    );
    for (sign, count) in &stats.all.signs {
        page.line(&format!("{{sign=\"{sign}\"}}"), count);
    }
    page.family(
        "selfheal_autonomy_changes_30d",
        "Changes of how much is done without a person, by the level that followed.",
    );
    for level in Level::ALL.map(Level::as_str) {
        let count = stats.autonomy.iter().filter(|change| change.to == level).count();
        page.line(&format!("{{to=\"{level}\"}}"), count);
    }
    page.family("selfheal_model_cost_usd_30d", "What their model calls are charged with.");
    page.line("", dollars(stats.all.cost_nanos));
    page.family(
        "selfheal_model_calls_above_held_30d",
        "Model calls that took more than was held for them: a cap may be passed.",
    );
    page.line("", overruns);
    if let Some(each) = stats.all.cost_nanos_per_green {
        page.family("selfheal_model_cost_usd_per_green_30d", "The same for each healed case.");
        page.line("", dollars(each));
    }
    if let Some(times) = &stats.all.time_to_green {
        page.family("selfheal_time_to_green_seconds_30d", "From red to green by our commit.");
        for (part, taken) in parts(times) {
            for (quantile, ms) in [("0.5", taken.p50_ms), ("0.9", taken.p90_ms)] {
                let labels = format!("{{part=\"{part}\",quantile=\"{quantile}\"}}");
                page.line(&labels, seconds(ms));
            }
        }
    }
    of_flakes(&mut page, flakes);
    page.family("selfheal_backlog", "What waits to be done now.");
    for (kind, count) in [
        ("deliveries", backlog.deliveries),
        ("pulls", backlog.pulls),
        ("effects", backlog.effects),
        ("parked", backlog.parked),
    ] {
        page.line(&format!("{{kind=\"{kind}\"}}"), count);
    }
    page.family("selfheal_build_info", "Which release this is.");
    page.line(concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
    page.text
}

fn of_flakes(page: &mut Page, flakes: &Counts) {
    page.family(
        "selfheal_flaky_failures_90d",
        "Failures whose commit ran again within 90 days, by whether that proves them flaky.",
    );
    page.line("{proven=\"flaky\"}", flakes.flaky);
    page.line("{proven=\"no\"}", flakes.not_proven);
    page.family("selfheal_flake_trials_90d", "How they came out when they ran again.");
    page.line("{shown=\"gone\"}", flakes.gone);
    page.line("{shown=\"again\"}", flakes.again);
    page.family(
        "selfheal_flaky_test_trials_90d",
        "The same for each of the flaky ones that were gone most often.",
    );
    for of in &flakes.worst {
        let labels = [
            ("repository", own(&of.repository)),
            ("test", own(&of.test)),
            ("fingerprint", label(&of.fingerprint)),
        ];
        let labels = labels.map(|(name, value)| format!("{name}=\"{value}\"")).join(",");
        page.line(&format!("{{{labels},shown=\"gone\"}}"), of.gone);
        page.line(&format!("{{{labels},shown=\"again\"}}"), of.again);
    }
}

const fn parts(times: &Times) -> [(&'static str, Quantiles); 6] {
    [
        ("whole", times.whole),
        ("waiting", times.waiting),
        ("reading", times.reading),
        ("fixing", times.fixing),
        ("proving", times.proving),
        ("ci", times.ci),
    ]
}

fn dollars(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// A value of a label, as the format wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A value that somebody else wrote.
fn own(text: &str) -> String {
    label(&cut(&visible(text), VALUE_CHARS_MAX))
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, help: &str) {
        self.name = name;
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    fn line(&mut self, labels: &str, value: impl Display) {
        self.text.push_str(&format!("{}{labels} {value}\n", self.name));
    }

    fn each<const N: usize>(
        &mut self,
        stats: &Stats,
        of: impl Fn(&Figures) -> [(&'static str, u64); N],
    ) {
        for (class, figures) in &stats.by_class {
            for (outcome, count) in of(figures) {
                let labels = format!("{{class=\"{}\",outcome=\"{outcome}\"}}", label(class));
                self.line(&labels, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::case::Healed;
    use crate::domain::figures::{CaseRecord, Place, stats};
    use crate::domain::ids::{RepoSlug, Timestamp};
    use crate::service::flaky::OfTest;

    fn case(ends: Place) -> CaseRecord {
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        CaseRecord {
            repo: RepoSlug::parse("acme/widget").unwrap(),
            class: Some("li\"nt".into()),
            opened_at: at(0),
            places: vec![(at(0), Place::Reading), (at(90), ends)],
            now: ends,
            marks: Vec::new(),
            attempts: 1,
            cost_nanos: 1_500_000_000,
            signs: Vec::new(),
        }
    }

    #[test]
    fn metrics_are_lines_that_prometheus_reads() {
        let cases = [case(Place::Green(Healed::ByUs)), case(Place::Escalated)];
        let stats = stats(&cases, Timestamp::from_millis(0), |_| String::new());
        let test = OfTest {
            repository: "acme/widget".into(),
            test: "is \"right\"\nselfheal_lies 1".into(),
            fingerprint: "f1".into(),
            gone: 4,
            again: 1,
        };
        let flakes = Counts { flaky: 2, not_proven: 1, gone: 7, again: 1, worst: vec![test] };
        let text = text(&stats, &Backlog { effects: 3, ..Backlog::default() }, &flakes, 4);
        for line in [
            "# TYPE selfheal_cases_30d gauge",
            "selfheal_cases_30d{class=\"li\\\"nt\",outcome=\"opened\"} 2",
            "selfheal_cases_30d{class=\"li\\\"nt\",outcome=\"healed\"} 1",
            "selfheal_model_cost_usd_30d 3.000000000",
            "selfheal_model_cost_usd_per_green_30d 3.000000000",
            "selfheal_model_calls_above_held_30d 4",
            "selfheal_time_to_green_seconds_30d{part=\"whole\",quantile=\"0.5\"} 90.000",
            "selfheal_flaky_failures_90d{proven=\"flaky\"} 2",
            "selfheal_flake_trials_90d{shown=\"gone\"} 7",
            concat!(
                "selfheal_flaky_test_trials_90d{repository=\"acme/widget\",",
                "test=\"is \\\"right\\\" selfheal_lies 1\",fingerprint=\"f1\",shown=\"gone\"} 4",
            ),
            "selfheal_backlog{kind=\"effects\"} 3",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("selfheal_lies")), "{text}");
        let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        let helps = text.lines().filter(|line| line.starts_with("# HELP")).count();
        assert_eq!(families, helps);
    }

    #[test]
    fn what_is_not_known_has_no_line() {
        let stats = stats(&[case(Place::Escalated)], Timestamp::from_millis(0), |_| String::new());
        let text = text(&stats, &Backlog::default(), &Counts::default(), 0);
        assert!(!text.contains("per_green") && !text.contains("time_to_green"), "{text}");
    }
}
