//! Faults of machines, networks and services, and of CI's own configuration.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};
use crate::evidence::text::Mark;

pub(super) static RUNNER: Tool = Tool {
    name: "runner",
    about: "\
         The CI system itself: lost runners, cancelled and timed-out jobs, actions that could \
         not be fetched.",
    example: "\
         ##[error]The runner has received a shutdown signal. This can happen when the runner \
         service is stopped, or a manually started runner is canceled.",
    rules: &[
        Rule::new(
            K::Infrastructure,
            &[
                "The runner has received a shutdown signal",
                "lost communication with the server",
                "The hosted runner encountered an error",
                "No space left on device",
                "no space left on device",
                "There is not enough space on the disk",
                "ENOSPC: no space",
                "was not acquired by Runner",
            ],
            concat!(
                r"^\s*(?P<message>.*(?:The runner has received a shutdown signal",
                r"|lost communication with the server|The hosted runner encountered an error",
                r"|[Nn]o space left on device|There is not enough space on the disk",
                r"|ENOSPC: no space",
                r"|was not acquired by Runner).*)$",
            ),
        ),
        Rule::new(
            K::Timeout,
            &[
                "has timed out after",
                "exceeded the maximum execution time",
                "execution took longer than",
                "No output has been received in the last",
                "exceeded the maximum time limit",
            ],
            concat!(
                r"^\s*(?P<message>.*(?:has timed out after [0-9]+ minutes",
                r"|has exceeded the maximum execution time|execution took longer than",
                r"|No output has been received in the last",
                r"|exceeded the maximum time limit).*)$",
            ),
        ),
        Rule::new(
            K::Infrastructure,
            &[
                "Failed to download a",
                "Unable to download a",
                "Unable to resolve action",
                "An action could not be found",
                "Artifact not found",
                "Failed to resolve action",
                "Failed to CreateArtifact",
                "Failed to FinalizeArtifact",
                "Unable to reserve cache with key",
            ],
            concat!(
                r"^\s*(?:Error: )?(?P<message>(?:Failed to download (?:action|archive)",
                r"|Unable to (?:download actions|resolve action|download artifact)",
                r"|An action could not be found|Failed to (?:resolve action|CreateArtifact",
                r"|FinalizeArtifact)|.*Artifact not found",
                r"|Failed to save: Unable to reserve cache with key).*)$",
            ),
        )
        .reading(action),
        Rule::new(
            K::Infrastructure,
            &["The operation was canceled", "The operation was cancelled"],
            r"^(?P<message>The operation was cancell?ed\.)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &[
                "Unable to process file command",
                "Invalid format '",
                "Invalid workflow file",
                "Unrecognized named-value",
            ],
            concat!(
                r"^\s*(?:Error: )?(?P<message>(?:Invalid format '.*'|Invalid workflow file.*",
                r"|.*Unrecognized named-value.*))$",
            ),
        ),
        Rule::new(
            K::Config,
            &["Unable to process file command"],
            r"^\s*(?:Error: )?(?P<message>Unable to process file command .*)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Infrastructure,
            &[
                "is not authorized to perform",
                "Resource not accessible by integration",
                "AccessDenied",
                "authentication required",
                "Bad credentials",
                "denied: requested access",
            ],
            concat!(
                r"^\s*(?P<message>.*(?:is not authorized to perform",
                r"|Resource not accessible by integration|AccessDenied|Bad credentials",
                r"|denied: requested access).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(access),
    ],
};

/// An action that does not exist is a mistake in the workflow, not a fault of the network.
fn action(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message.starts_with("Unable to resolve action") {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

/// Where the runner marked the line, the refusal is what failed.
fn access(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if at.mark() == Mark::Error {
        draft.weight = Weight::Cause;
    }
    found.push(draft);
}

pub(super) static NETWORK: Tool = Tool {
    name: "network",
    about: "\
         Names that do not resolve, connections that break, servers that answer with errors, \
         rate limits.",
    example: "curl: (7) Failed to connect to example.com port 443: Connection timed out",
    rules: &[
        Rule::new(
            K::Infrastructure,
            &["curl: ("],
            r"^(?:[ 0-9:.kMG-]*[0-9])?(?P<message>curl: \([0-9]+\) .+)$",
        )
        .weighing(Weight::Sign),
        // What was downloaded is no archive: most often a page that says why there is none.
        Rule::new(
            K::Infrastructure,
            &["not in gzip format", "does not look like a tar archive", "unexpected end of file"],
            concat!(
                r"^(?P<message>(?:gzip|tar|bsdtar|xz): (?:stdin: |\(stdin\): )?(?:not in gzip format",
                r"|This does not look like a tar archive|unexpected end of file))$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Infrastructure,
            &[
                "rate limit exceeded",
                "toomanyrequests",
                "Too Many Requests",
                "rate limit",
                "secondary rate limit",
            ],
            concat!(
                r"^\s*(?P<message>.*(?:(?:API|secondary) rate limit exceeded|toomanyrequests",
                r"|429 Too Many Requests|pull rate limit).*)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Infrastructure,
            &[
                "Could not resolve host",
                "Temporary failure",
                "Connection timed out",
                "Connection refused",
                "Connection reset by peer",
                "getaddrinfo",
                "TLS handshake timeout",
                "i/o timeout",
                "request canceled",
                "unexpected disconnect",
                "Failed to fetch http",
                "Hash Sum mismatch",
                "early EOF",
                "RPC failed",
                "unable to access 'http",
                "Unable to connect to",
                "unable to resolve host address",
                "connect ETIMEDOUT",
                "Max retries exceeded with url",
                "Failed to open TCP connection to",
                "Network error while fetching",
                "Could not fetch specs from",
            ],
            concat!(
                r"^\s*(?:E: |fatal: |error: |ERROR: |Error: |W: |Error response from daemon: ",
                r"|(?:Bundler::HTTPError|Net::OpenTimeout|Gem::RemoteFetcher::FetchError):? ",
                r"|requests\.exceptions\.)",
                r"(?P<message>.*(?:Could not resolve host|Temporary failure",
                r"|Connection (?:timed out|refused|reset by peer)|getaddrinfo",
                r"|TLS handshake timeout|i/o timeout|request canceled|unexpected disconnect",
                r"|Failed to fetch http|Hash Sum mismatch|early EOF|RPC failed",
                r"|unable to access 'http|Unable to connect to|unable to resolve host address",
                r"|connect ETIMEDOUT|Max retries exceeded with url|Failed to open TCP connection to",
                r"|Network error while fetching|Could not fetch specs from).*)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Infrastructure,
            &[
                "ERROR 4",
                "ERROR 5",
                "The requested URL returned error",
                "502 Bad Gateway",
                "503 Service Unavailable",
                "504 Gateway",
            ],
            concat!(
                r"^\s*(?P<message>.*(?:ERROR (?:4[0-9][0-9]|5[0-9][0-9]): .+",
                r"|The requested URL returned error: [45][0-9][0-9].*|(?:502 Bad Gateway",
                r"|503 Service Unavailable|504 Gateway Time-?out).*))$",
            ),
        )
        .weighing(Weight::Sign),
    ],
};

pub(super) static MEMORY: Tool = Tool {
    name: "memory",
    about: "Memory that ran out, in any runtime, and processes that the kernel killed.",
    example: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    rules: &[Rule::new(
        K::Oom,
        &[
            "heap out of memory",
            "OutOfMemoryError",
            "Cannot allocate memory",
            "Out of memory",
            "out of memory",
            "oom-kill",
            "OOMKilled",
            "memory allocation of",
            "signal: 9, SIGKILL",
            "std::bad_alloc",
            "virtual memory exhausted",
            "Killed signal terminated program",
            "ld terminated with signal 9",
            "The Gradle Daemon disappeared unexpectedly",
            "Killed   ",
        ],
        concat!(
            r"^\s*(?P<message>.*(?:JavaScript heap out of memory",
            r"|java\.lang\.OutOfMemoryError|Cannot allocate memory|Out of memory: Killed",
            r"|fatal error: .*out of memory|oom-kill|OOMKilled",
            r"|memory allocation of [0-9]+ bytes failed|\(signal: 9, SIGKILL: kill\)",
            r"|std::bad_alloc|virtual memory exhausted|Killed signal terminated program",
            r"|ld terminated with signal 9|The Gradle Daemon disappeared unexpectedly",
            r"|: line [0-9]+: +[0-9]+ Killed   ).*)$",
        ),
    )
    .weighing(Weight::Sign)
    .reading(memory)],
};

fn memory(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if message.contains("JavaScript heap")
        || message.contains("SIGKILL")
        || message.contains("Killed process")
        || message.contains("Killed signal terminated")
        || message.contains(" Killed   ")
    {
        draft.weight = Weight::Cause;
    }
    found.push(draft);
}

pub(super) static SYSTEM: Tool = Tool {
    name: "system",
    about: "System packages, shells and git: what could not be installed, found or merged.",
    example: "E: Unable to locate package libfoo-dev",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "E: Unable to ",
                "E: Package '",
                "E: Version '",
                "E: Unmet dependencies",
                "nothing provides ",
                "No match for argument",
                "Unable to find a match",
                "No available formula",
                "unable to select packages",
            ],
            concat!(
                r"^\s*(?:- )?(?P<message>(?:E: (?:Unable to locate package|Package '",
                r"|Version '|Unable to correct problems|Unmet dependencies)",
                r"|nothing provides |(?:Error: )?(?:No match for argument",
                r"|Unable to find a match|No available formula)",
                r"|ERROR: unable to select packages).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(system_package),
        Rule::new(
            K::Config,
            &[
                ": command not found",
                ": not found",
                ": No such file or directory",
                ": Permission denied",
                ": cannot execute",
            ],
            concat!(
                r"^(?:(?P<file>[^\s:/][^\s:]*\.sh): (?:line )?(?P<line>[0-9]+): |(?:/\S+|\S*\.sh|bash|sh|zsh|env|/bin/sh|##)(?:: line",
                r"|:)? ?(?:[0-9]+: )?[^:]*: |)(?P<message>[^\s:]+: (?:command not found",
                r"|not found|No such file or directory|Permission denied|cannot execute.*))$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Config,
            &[
                "flag provided but not defined",
                "unknown flag: ",
                "unrecognized option",
                "invalid option --",
                "No such file or directory: '",
            ],
            concat!(
                r"^(?:[\w./-]+: |[Ee]rror: )?(?P<message>(?:flag provided but not defined: ",
                r"|unknown flag: |unrecognized option '|unrecognized option `",
                r"|invalid option -- |No such file or directory: ').+)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Config,
            &["fatal: ", "error: "],
            concat!(
                r"^(?P<message>(?:fatal|error): (?:not a git repository",
                r"|couldn't find remote ref|could not read|ambiguous argument|bad revision",
                r"|refusing to|remote error|repository '.*' not found",
                r"|detected dubious ownership|cannot update the ref|pathspec|need a single",
                r"|[Nn]o such remote|reference is not a tree",
                r"|.*does not appear to be a git repository).*)$",
            ),
        )
        .weighing(Weight::Sign),
    ],
};

fn system_package(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let fatal = at.lines_above(4).any(|(_, line)| {
        line.starts_with("Failed to resolve")
            || line.starts_with("Error: ")
            || line.starts_with("Problem")
    });
    if fatal {
        draft.weight = Weight::Cause;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn a_download_may_fail_behind_its_progress() {
        check(
            "  0     0    0     0    0     0      0      0 --:--:--  0:02:10 --:--:--     0curl: (7) \
             Failed to connect",
            "infrastructure curl: (7) Failed to connect",
        );
    }

    #[test]
    fn what_a_script_may_not_run_has_the_script_s_line() {
        check(
            "run.sh: line 4: ./bin/migrate: Permission denied",
            "config run.sh:4 ./bin/migrate: Permission denied",
        );
    }

    #[test]
    fn the_machine_s_faults_are_told_from_the_code_s() {
        check(
            "The action 'Test' has timed out after 360 minutes.",
            "timeout The action 'Test' has timed out after 360 minutes.",
        );
        check(
            "Error: Unable to download artifact(s): Artifact not found for name: x",
            "infrastructure Unable to download artifact(s): Artifact not found for name: x",
        );
        check(
            "curl: (6) Could not resolve host: x",
            "infrastructure curl: (6) Could not resolve host: x",
        );
        check(
            "\"message\": \"API rate limit exceeded for user ID 1.\"",
            "infrastructure \"message\": \"API rate limit exceeded for user ID 1.\"",
        );
        check("/tmp/a: No space left on device", "infrastructure /tmp/a: No space left on device");
        check(
            "error: rustc (signal: 9, SIGKILL: kill)",
            "oom error: rustc (signal: 9, SIGKILL: kill)",
        );
    }

    #[test]
    fn memory_that_ran_out_is_read_in_any_words() {
        for said in [
            "/w/x.sh: line 3:  1234 Killed                  npm run build",
            "g++: fatal error: Killed signal terminated program cc1plus",
            "java.lang.OutOfMemoryError: Java heap space",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        ] {
            check(said, &format!("oom {said}"));
        }
        check("test memory::out_of_memory_is_told ... ok\n", "");
    }

    #[test]
    fn a_refused_connection_is_the_networks() {
        for said in [
            "wget: unable to resolve host address 'example.com'",
            "connect ETIMEDOUT 1.2.3.4:443",
            "net/http: TLS handshake timeout",
        ] {
            check(&format!("Error: {said}\n"), &format!("infrastructure {said}"));
        }
    }

    #[test]
    fn a_retried_download_is_no_cause_where_there_is_one() {
        check(
            "curl: (6) Could not resolve host: x\nretrying\nsrc/a.ts(1,2): error TS1: no",
            "type_error src/a.ts:1:2 [TS1] no",
        );
    }

    #[test]
    fn a_download_that_is_no_archive_is_told() {
        check(
            "Installing helm\n\ngzip: stdin: not in gzip format\ntar: Child returned status 1\n\
             tar: Error is not recoverable: exiting now\n",
            "infrastructure gzip: stdin: not in gzip format",
        );
    }

    #[test]
    fn what_the_shell_cannot_find_is_configuration() {
        check(
            "/home/runner/work/_temp/x.sh: line 1: vendor/bin/phpcs: No such file or directory",
            "config vendor/bin/phpcs: No such file or directory",
        );
        check("bash: frob: command not found", "config frob: command not found");
        check("./build.sh: 4: buf-gen: not found", "config build.sh:4 buf-gen: not found");
        check(
            "flag provided but not defined: -x\nUsage of ./tool:\n  -progress int\n",
            "config flag provided but not defined: -x",
        );
        check("ls: unrecognized option '--x'\n", "config unrecognized option '--x'");
        check("E: Unable to locate package libx", "dependency E: Unable to locate package libx");
    }
}
