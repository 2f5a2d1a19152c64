-- The first schema: inbox, facts, cases, runners' reports, outbox.
-- Times are milliseconds since 1970 UTC; ids of our own are text with a prefix; JSON is text.
-- The same tables, columns and constraints as the other engine's file of this name.

-- An installation of the App on an account.
CREATE TABLE installations (
    id BIGINT NOT NULL PRIMARY KEY,              -- the forge's number
    state TEXT NOT NULL                          -- whether it can be used
        CHECK (state IN ('active', 'suspended', 'deleted'))
);

-- A repository that the App has been seen on.
CREATE TABLE repos (
    id BIGINT NOT NULL PRIMARY KEY,              -- the forge's number
    slug TEXT NOT NULL,                          -- owner/name as last seen, for URLs
    installation_id BIGINT NOT NULL,             -- the installation through which it is reached
    reachable BIGINT NOT NULL DEFAULT 1          -- 0: taken away from it
        CHECK (reachable IN (0, 1))
);

-- The inbox: verified webhook deliveries.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,                -- the forge's id, the same on redelivery
    event TEXT NOT NULL,                         -- the event's name from the header
    body BLOB NOT NULL,                          -- the raw bytes that were signed
    received_at_ms BIGINT NOT NULL,              -- when it arrived
    state TEXT NOT NULL DEFAULT 'pending'        -- what became of it
        CHECK (state IN ('pending', 'done', 'parked')),
    tries BIGINT NOT NULL DEFAULT 0,             -- failures in a row
    due_at_ms BIGINT NOT NULL,                   -- when it is to be read
    lease_epoch BIGINT NOT NULL DEFAULT 0,       -- raised with every claim
    lease_until_ms BIGINT NOT NULL DEFAULT 0,    -- 0: nobody has it
    error TEXT,                                  -- the last failure, for operators
    done_at_ms BIGINT                            -- when it was read
);
CREATE INDEX deliveries_due ON deliveries (due_at_ms) WHERE state = 'pending';

-- Pull requests that were seen: connects commits with pull requests, and is what is looked at.
CREATE TABLE pulls (
    repo_id BIGINT NOT NULL REFERENCES repos (id),
    number BIGINT NOT NULL,                      -- its number in the repository
    head_sha TEXT NOT NULL,                      -- last known head
    head_branch TEXT NOT NULL,
    head_repo_id BIGINT,                         -- NULL: the fork is gone
    base TEXT NOT NULL,                          -- the branch that it wants to go into
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'merged')),
    updated_at_ms BIGINT NOT NULL,               -- the forge's own time of these facts
    wake_at_ms BIGINT,                           -- when to look at it; NULL: when woken
    tries BIGINT NOT NULL DEFAULT 0,             -- failed looks in a row
    lease_epoch BIGINT NOT NULL DEFAULT 0,
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (repo_id, number)
);
CREATE INDEX pulls_head ON pulls (repo_id, head_sha);
CREATE INDEX pulls_base ON pulls (repo_id, base) WHERE state = 'open';
CREATE INDEX pulls_wake ON pulls (wake_at_ms) WHERE wake_at_ms IS NOT NULL;
CREATE INDEX pulls_leased ON pulls (lease_until_ms) WHERE lease_until_ms > 0;

-- What people want.
CREATE TABLE asks (
    ask_key TEXT NOT NULL PRIMARY KEY,           -- the same however often it is delivered
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,                          -- fix, retry, stop, …
    body TEXT NOT NULL,                          -- the command's line, bounded
    actor_id BIGINT NOT NULL,
    actor_login TEXT NOT NULL,
    comment_id BIGINT,                           -- the comment to answer, if it was one
    comment_place TEXT CHECK (comment_place IN ('conversation', 'review')),
    asked_at_ms BIGINT NOT NULL,
    answered_at_ms BIGINT,                       -- NULL: not yet
    FOREIGN KEY (repo_id, number) REFERENCES pulls (repo_id, number),
    CHECK ((comment_id IS NULL) = (comment_place IS NULL))
);
CREATE INDEX asks_open ON asks (repo_id, number) WHERE answered_at_ms IS NULL;

-- Cases: one red head to bring to green.
CREATE TABLE cases (
    id TEXT NOT NULL PRIMARY KEY,
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    opened_head TEXT NOT NULL,                   -- the head that a person pushed
    head TEXT NOT NULL,                          -- the head now
    opened_at_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,                    -- when it entered its state
    state TEXT NOT NULL CHECK (state IN (
        'watching', 'diagnosing', 'rerunning', 'excused', 'healing', 'awaiting_approval',
        'proving', 'healed', 'escalated', 'stopped', 'superseded', 'closed')),
    attempt_id TEXT,                             -- healing, awaiting_approval, proving
    reason TEXT,                                 -- excused, healed, escalated, stopped
    note TEXT,                                   -- stopped: who or which label; superseded: by what
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    reruns BIGINT NOT NULL CHECK (reruns >= 0),
    asked BIGINT NOT NULL CHECK (asked IN (0, 1)), -- whether a person asked for it
    labels TEXT NOT NULL,                        -- labels that we added, a JSON list
    auto_merge TEXT,                             -- auto-merge that we switched off, JSON
    FOREIGN KEY (repo_id, number) REFERENCES pulls (repo_id, number),
    CHECK ((attempt_id IS NOT NULL) = (state IN ('healing', 'awaiting_approval', 'proving'))),
    CHECK ((reason IS NOT NULL) = (state IN ('excused', 'healed', 'escalated', 'stopped')))
);
CREATE INDEX cases_pull ON cases (repo_id, number, opened_at_ms);
-- At most one case of a pull request is alive.
CREATE UNIQUE INDEX cases_alive ON cases (repo_id, number)
    WHERE state NOT IN ('superseded', 'closed');

-- Attempts: what was decided about them.
CREATE TABLE attempts (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    number BIGINT NOT NULL CHECK (number >= 1),  -- within the case
    head TEXT NOT NULL,                          -- the commit that it starts from
    planned_at_ms BIGINT NOT NULL,
    dispatches BIGINT NOT NULL CHECK (dispatches >= 1),
    dispatched_at_ms BIGINT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('running', 'held', 'committing', 'committed', 'ended')),
    end_reason TEXT,                             -- how it ended
    end_detail TEXT,                             -- the commit, the reason's detail, the login
    note TEXT,                                   -- why, for people
    UNIQUE (case_id, number),
    CHECK ((end_reason IS NOT NULL) = (state = 'ended'))
);
CREATE INDEX attempts_planned ON attempts (planned_at_ms);

-- What the runner of an attempt has said; never touched by decisions.
CREATE TABLE runner_reports (
    attempt_id TEXT NOT NULL PRIMARY KEY REFERENCES attempts (id),
    run_id BIGINT,                               -- the run that works on it
    admitted_at_ms BIGINT,
    heard_at_ms BIGINT,
    stage TEXT,                                  -- the last finished stage
    round BIGINT,
    token_hash TEXT,                             -- SHA-256 of the bearer token
    token_until_ms BIGINT,
    outcome TEXT,                                -- JSON, once
    outcome_at_ms BIGINT,
    work_in_progress TEXT                        -- the change so far, JSON
);
CREATE INDEX runner_reports_run ON runner_reports (run_id);

-- Documents of an attempt, in the order in which they were written.
CREATE TABLE documents (
    attempt_id TEXT NOT NULL REFERENCES attempts (id),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    round BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (attempt_id, position),
    UNIQUE (attempt_id, name, round)
);

-- Identities that runners have used; each can be used once.
CREATE TABLE identities_used (
    identity TEXT NOT NULL PRIMARY KEY,
    used_at_ms BIGINT NOT NULL
);

-- What was read from failed runs.
CREATE TABLE evidence (
    case_id TEXT NOT NULL REFERENCES cases (id),
    head TEXT NOT NULL,
    body TEXT NOT NULL,                          -- JSON
    read_at_ms BIGINT NOT NULL,
    PRIMARY KEY (case_id, head)
);

-- The outbox: what shall happen outside.
CREATE TABLE effects (
    id TEXT NOT NULL PRIMARY KEY,
    effect_key TEXT NOT NULL UNIQUE,             -- what makes it one and the same
    kind TEXT NOT NULL,
    repo_id BIGINT NOT NULL,
    number BIGINT,                               -- NULL: the repository as a whole
    payload TEXT NOT NULL,                       -- JSON
    digest TEXT NOT NULL,                        -- of the payload
    revision BIGINT NOT NULL DEFAULT 1,          -- raised when a newer one replaces it
    claimed_revision BIGINT NOT NULL DEFAULT 0,  -- the revision that was last claimed
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'parked')),
    tries BIGINT NOT NULL DEFAULT 0,
    wanted_at_ms BIGINT NOT NULL,
    due_at_ms BIGINT NOT NULL,
    lease_epoch BIGINT NOT NULL DEFAULT 0,
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    result TEXT,                                 -- JSON, when done
    done_at_ms BIGINT
);
CREATE INDEX effects_due ON effects (due_at_ms) WHERE state = 'pending';
CREATE INDEX effects_leased ON effects (repo_id, number) WHERE lease_until_ms > 0;

-- Check runs that we made.
CREATE TABLE checks (
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    head TEXT NOT NULL,
    check_run_id BIGINT NOT NULL,
    annotations_sent BIGINT NOT NULL,
    PRIMARY KEY (repo_id, number, head)
);

-- Sticky comments that we made.
CREATE TABLE comments (
    repo_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    comment_id BIGINT NOT NULL,
    PRIMARY KEY (repo_id, number)
);
