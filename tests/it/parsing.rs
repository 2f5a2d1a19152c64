//! `selfheal parse`: a log in, its failures out, in every form.

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::Machine;

/// A job of GitHub Actions that failed in its second step.
const LOG: &str = "2026-01-01T00:00:00.0000000Z ##[group]Run cargo build\n\
    2026-01-01T00:00:00.1000000Z ##[endgroup]\n\
    2026-01-01T00:00:01.0000000Z warning: unused variable: `x`\n\
    2026-01-01T00:00:02.0000000Z ##[group]Run cargo test\n\
    2026-01-01T00:00:02.1000000Z ##[endgroup]\n\
    2026-01-01T00:00:03.0000000Z error[E0308]: mismatched types\n\
    2026-01-01T00:00:03.0000000Z  --> /home/runner/work/shop/shop/src/cart.rs:12:5\n\
    2026-01-01T00:00:03.0000000Z error: could not compile `shop` (lib) due to 1 previous error\n\
    2026-01-01T00:00:03.1000000Z ##[error]Process completed with exit code 101.\n";

async fn parsed(format: &str) -> String {
    let machine = Machine::start().await;
    std::fs::write(machine.dir().join("job.log"), LOG).unwrap();
    let said = machine.run(&["parse", "--format", format, "job.log"]).await;
    assert_eq!(said.code, Some(1), "there are failures: {}", said.err);
    assert_eq!(said.err, "");
    said.out
}

#[tokio::test]
async fn people_get_a_line_a_failure_and_the_lines_that_matter() {
    assert_snapshot!(parsed("human").await, @r"
    src/cart.rs:12:5: compile_error [rustc E0308]: mismatched types

    The lines that matter:

         4 Run cargo test
         5 
         6 error[E0308]: mismatched types
         7  --> /home/runner/work/shop/shop/src/cart.rs:12:5
         8 error: could not compile `shop` (lib) due to 1 previous error
         9 Process completed with exit code 101.
    ");
}

#[tokio::test]
async fn a_workflow_gets_annotations() {
    let annotation = "::error file=src/cart.rs,line=12,col=5,title=rustc E0308::mismatched types\n";
    assert_eq!(parsed("github").await, annotation);
}

#[tokio::test]
async fn programs_get_json_with_where_it_stands() {
    let json: Value = serde_json::from_str(&parsed("json").await).unwrap();
    let failure = &json["failures"][0];
    assert_eq!(json["failures"].as_array().unwrap().len(), 1, "the consequence is none: {json:#}");
    assert_eq!(failure["kind"], "compile_error");
    assert_eq!((&failure["file"], &failure["line"]), (&"src/cart.rs".into(), &12.into()));
    assert_eq!(failure["source"]["first_line"], 6);
    assert_eq!(json["excerpts"][0]["start"], 4);
    assert_eq!(json["stats"]["lines"], 9);
}

#[tokio::test]
async fn code_scanning_gets_sarif() {
    let sarif: Value = serde_json::from_str(&parsed("sarif").await).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "rustc/E0308");
}

#[tokio::test]
async fn it_ends_as_it_says() {
    let machine = Machine::start().await;
    std::fs::write(machine.dir().join("green.log"), "test result: ok. 3 passed\n").unwrap();
    let green = machine.run(&["parse", "green.log"]).await;
    assert_eq!((green.code, green.out.as_str()), (Some(0), "No failures.\n"));
    let none = machine.run(&["parse", "no.log"]).await;
    assert_eq!(none.code, Some(3));
    assert!(none.err.starts_with("selfheal: no.log cannot be read: "), "{}", none.err);
    assert_eq!(machine.run(&["parse", "--format", "xml", "green.log"]).await.code, Some(2));
    let empty = machine.run(&["parse", "-"]).await;
    assert_eq!(empty.code, Some(0), "an empty log shows no failure");
}

#[tokio::test]
async fn places_are_held_against_a_checkout() {
    let machine = Machine::start().await;
    let log = "src/cart.ts(3,1): error TS1: a\nsrc/cart.ts(9,1): error TS2: b\n\
        src/gone.ts(1,1): error TS3: c\n";
    std::fs::write(machine.dir().join("job.log"), log).unwrap();
    std::fs::create_dir_all(machine.dir().join("web/src")).unwrap();
    std::fs::write(machine.dir().join("web/src/cart.ts"), "a\nb\nc\n").unwrap();
    let said = machine.run(&["parse", "--root", ".", "--format", "github", "job.log"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_snapshot!(said.out, @r"
    ::error file=web/src/cart.ts,line=3,col=1,title=tsc TS1::a
    ::error file=web/src/cart.ts,title=tsc TS2::b%0Aweb/src/cart.ts has no line 9, it ends with line 3
    ::error title=tsc TS3::c%0Asrc/gone.ts:1 is not in the repository
    ");
}

#[tokio::test]
async fn a_report_is_read_as_what_it_is() {
    let machine = Machine::start().await;
    let report = "<testsuite><testcase name='adds' classname='Cart'><failure message='no'>\
                  at Cart.adds (src/cart.ts:4:2)</failure></testcase></testsuite>";
    std::fs::write(machine.dir().join("report.xml"), report).unwrap();
    let said = machine.run(&["parse", "--format", "json", "report.xml"]).await;
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &json["format"]), (Some(1), &"junit".into()));
    assert_eq!(json["failures"][0]["test"], "Cart.adds");
    let as_log = machine.run(&["parse", "--log", "report.xml"]).await;
    assert_eq!(as_log.code, Some(0), "as a log it says nothing: {}", as_log.out);
    let warning = r#"{"kind":"lint","message":"long","severity":"warning"}"#;
    std::fs::write(machine.dir().join("warning.json"), warning).unwrap();
    let warned = machine.run(&["parse", "warning.json"]).await;
    assert_eq!(warned.code, Some(0), "a warning fails nothing: {}", warned.out);
}

#[tokio::test]
async fn a_repository_brings_matchers_of_its_own() {
    let machine = Machine::start().await;
    let write = |name: &str, text: &str| std::fs::write(machine.dir().join(name), text).unwrap();
    write("our.log", "src/cart.x @4 totals differ\n");
    write(
        "ours.json",
        r#"{"problemMatcher":[{"owner":"our-lint","pattern":[
            {"regexp":"^(\\S+) @(\\d+) (.+)$","file":1,"line":2,"message":3}]}]}"#,
    );
    write("wrong.json", "{}");
    let said = machine.run(&["parse", "--matcher", "ours.json", "our.log"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.starts_with("src/cart.x:4: lint [our-lint]: totals differ\n"), "{}", said.out);
    let wrong = machine.run(&["parse", "--matcher", "wrong.json", "our.log"]).await;
    assert_eq!(wrong.code, Some(2));
    assert_eq!(
        wrong.err,
        "selfheal: wrong.json: problemMatcher: an array of matchers is expected\n"
    );
}
