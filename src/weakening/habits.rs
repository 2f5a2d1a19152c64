//! Habits of test suites: the words for pauses, second tries, doubles and skips, in all languages.
//!
//! Not syntax: names are enough here, because libraries name these things alike. A name is dotted:
//! `jest.retryTimes`.

/// A name without layout: lower case, no underscores.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// The last part of a dotted name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether a name is about waiting.
pub fn is_wait(name: &str) -> bool {
    let plain = plain(name);
    let end = last(&plain);
    end.contains("timeout")
        || end.contains("sleep")
        || end.contains("deadline")
        || end.ends_with("delay")
        || matches!(end, "timelimit" | "waitfor" | "wait" | "eventually" | "maxtime")
}

/// Whether a wait, by its family, always takes as long as it says.
pub fn is_pause(family: &str) -> bool {
    family.contains("sleep")
        || family.ends_with("delay")
        || matches!(family, "settimeout" | "waitfortimeout")
}

/// Whether a name is about trying again.
pub fn is_retry(name: &str) -> bool {
    let plain = plain(name);
    let end = last(&plain);
    matches!(
        end,
        "retry"
            | "retries"
            | "retrytimes"
            | "reruns"
            | "flaky"
            | "maxretries"
            | "retrycount"
            | "numretries"
            | "retrytest"
            | "retryfact"
            | "retrytheory"
            | "rerunfailingtestscount"
            | "repeatedifexceptionstest"
            | "maxattempts"
            | "maxruns"
            | "retryanalyzer"
            | "retryingtest"
            | "stopaftereattempt"
            | "stopafterattempt"
    )
}

/// Whether a name says how far off a value may be.
pub fn is_tolerance(name: &str) -> bool {
    let plain = plain(name);
    let end = last(&plain);
    ["tolerance", "epsilon", "threshold", "precision", "maxdiff", "maxerror", "maxdelta", "slack"]
        .iter()
        .any(|part| end.contains(part))
        || matches!(end, "eps" | "delta" | "tol" | "atol" | "rtol" | "places" | "digits" | "margin")
}

/// Whether more of it lets less pass: digits that count.
pub fn is_of_digits(name: &str) -> bool {
    let plain = plain(name);
    ["precision", "places", "digits", "decimals", "min"].iter().any(|part| plain.contains(part))
}

/// What two names for the same wait have in common.
pub fn family(name: &str) -> String {
    let plain = plain(name);
    last(&plain).to_owned()
}

/// How many milliseconds a unit of time is; 1 for everything else.
pub fn unit_of(name: &str) -> f64 {
    let plain = plain(name);
    match last(&plain) {
        "second" | "seconds" | "fromsecs" | "ofseconds" | "fromseconds" | "secs" => 1_000.0,
        "minute" | "minutes" | "frommins" | "ofminutes" | "fromminutes" | "mins" => 60_000.0,
        "hour" | "hours" | "ofhours" | "fromhours" => 3_600_000.0,
        "day" | "days" | "ofdays" | "fromdays" => 86_400_000.0,
        "week" | "weeks" | "ofweeks" => 604_800_000.0,
        "microsecond" | "microseconds" | "frommicros" => 0.001,
        "nanosecond" | "nanoseconds" | "fromnanos" => 0.000_001,
        _ => 1.0,
    }
}

/// Whether a call puts a double in the place of something.
pub fn is_mock(name: &str) -> bool {
    let plain = plain(name);
    let end = last(&plain);
    matches!(
        end,
        "mock"
            | "patch"
            | "setattr"
            | "setitem"
            | "spyon"
            | "stub"
            | "spy"
            | "mockreturnvalue"
            | "mockresolvedvalue"
            | "mockrejectedvalue"
            | "mockimplementation"
            | "magicmock"
            | "asyncmock"
            | "thenreturn"
            | "thenanswer"
            | "doreturn"
            | "receive"
            | "definesingletonmethod"
            | "allowanyinstanceof"
            | "andreturn"
            | "instancedouble"
            | "double"
            | "stubs"
            | "setup"
            | "returns"
            | "fakeasync"
            | "domock"
            | "returnsasync"
            | "mockmethod"
            | "mockstatic"
            | "patchobject"
            | "stubrequest"
    ) && !matches!(plain.as_str(), "setup" | "self.setup" | "super.setup" | "this.setup")
        || plain.ends_with("patch.object")
        || plain.ends_with("patch.dict")
}

/// Whether a call puts a double in the place of a module, for the whole file.
pub fn is_module_mock(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "jest.mock" | "vi.mock" | "jest.domock" | "vi.domock" | "td.replace"
    )
}

/// Whether a call keeps the test that it stands in from running to its end.
pub fn is_skip(name: &str) -> bool {
    let plain = plain(name);
    matches!(
        plain.as_str(),
        "t.skip"
            | "t.skipf"
            | "t.skipnow"
            | "b.skip"
            | "b.skipnow"
            | "this.skip"
            | "ctx.skip"
            | "context.skip"
            | "pytest.skip"
            | "pytest.xfail"
            | "pytest.importorskip"
            | "self.skiptest"
            | "pending"
            | "skip"
            | "test.fixme"
            | "it.fixme"
            | "test.fail"
            | "assert.ignore"
            | "assert.inconclusive"
            | "assert.pass"
            | "skip.if"
            | "skip.ifnot"
            | "skip.unless"
            | "assume.assumetrue"
            | "assume.assumefalse"
            | "assumetrue"
            | "assumefalse"
            | "assumptions.assumetrue"
            | "assumptions.assumefalse"
            | "assume.that"
            | "assumethat"
            | "assumptions.abort"
            | "pytest.exit"
            | "omit"
            | "notify.skip"
            | "tt.skip"
            | "s.t.skip"
            | "suite.t.skip"
            | "test.skip"
            | "pytest.mark.skip"
            | "pytest.mark.skipif"
            | "pytest.mark.xfail"
    )
}

/// Whether a call sets something going that runs by itself, outside of what called it.
pub fn is_detached(name: &str) -> bool {
    matches!(
        name,
        "Task.Run"
            | "Task.Factory.StartNew"
            | "ThreadPool.QueueUserWorkItem"
            | "setTimeout"
            | "setImmediate"
            | "setInterval"
            | "process.nextTick"
            | "queueMicrotask"
            | "CompletableFuture.runAsync"
            | "executor.submit"
            | "executor.execute"
            | "CompletableFuture.supplyAsync"
            | "thread::spawn"
            | "std::thread::spawn"
            | "tokio::spawn"
            | "tokio::task::spawn"
            | "asyncio.create_task"
            | "asyncio.ensure_future"
    )
}

/// Whether a method says what to do with a result once it is there, for whoever waits for that.
pub fn is_follow_up(name: &str) -> bool {
    matches!(
        name,
        "then"
            | "thenAccept"
            | "thenApply"
            | "thenRun"
            | "thenAcceptAsync"
            | "thenApplyAsync"
            | "whenComplete"
            | "whenCompleteAsync"
            | "subscribe"
            | "ContinueWith"
    )
}

/// Whether a call waits for what was set going.
pub fn is_join(name: &str) -> bool {
    matches!(
        last(&plain(name)),
        "wait" | "join" | "joinall" | "whenall" | "waitall" | "gather" | "awaittermination"
    )
}

/// Whether a call makes a thread, which runs once it is started.
pub fn is_thread(name: &str) -> bool {
    matches!(name, "new Thread" | "threading.Thread" | "Thread")
}

/// Whether a call ends the whole run.
pub fn is_exit(name: &str) -> bool {
    matches!(
        name,
        "os.Exit"
            | "os._exit"
            | "sys.exit"
            | "process.exit"
            | "std.process.exit"
            | "System.exit"
            | "Runtime.halt"
            | "Environment.Exit"
            | "Deno.exit"
            | "exit"
            | "exit!"
            | "Kernel.exit"
            | "Process.exit"
            | "Process.exit!"
            | "quit"
    )
}

/// Whether a call is a row of a table of tests, or looks for the files that are.
pub fn is_case(name: &str) -> bool {
    let plain = plain(name);
    matches!(last(&plain), "glob" | "rglob" | "iglob" | "globsync")
        || matches!(
            plain.as_str(),
            "arguments.of" | "arguments" | "pytest.param" | "testcasedata" | "param"
        )
}
