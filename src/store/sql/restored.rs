//! What is said to a database that was put back from a backup: it holds the past, the forge the present.

use super::{Statement, family};

family! {
    /// Check runs are looked up again: there may be newer ones, with other annotations.
    FORGET_CHECKS = Statement::both(
        "DELETE FROM checks",
    );

    /// So are comments.
    FORGET_COMMENTS = Statement::both(
        "DELETE FROM comments",
    );

    /// What was shown last is not what is shown now: the next wish is carried out whatever it says. And
    /// what waits gives way, until $1, to looks that may know better.
    FORGET_SHOWN = Statement::both(
        "UPDATE effects
         SET digest = '',
             due_at_ms = CASE
                 WHEN state = 'pending' AND due_at_ms < $1 THEN $1
                 ELSE due_at_ms
             END",
    );

    /// Every case that is not over is looked at, at $1.
    LOOK_AGAIN = Statement::both(
        "UPDATE pulls
         SET wake_at_ms = $1
         WHERE state = 'open'
           AND EXISTS (
               SELECT 1
               FROM cases c
               WHERE c.repo_id = pulls.repo_id
                 AND c.number = pulls.number
                 AND c.state NOT IN ('superseded', 'closed')
           )",
    );

    /// The forge's log is compared at once, from where the backup had come to.
    RECONCILE_AGAIN = Statement::both(
        "UPDATE reconciler
         SET due_at_ms = 0,
             lease_epoch = lease_epoch + 1,
             lease_until_ms = 0,
             pass_to_ms = NULL,
             pass_cursor = NULL
         WHERE id = 1",
    );

    /// So are the open pull requests of all repositories.
    SWEEP_AGAIN = Statement::both(
        "UPDATE repos
         SET sweep_due_ms = 0",
    );

    /// Remembers when: what was swept before that says nothing.
    SET_RESTORED = Statement::both(
        "UPDATE instance
         SET restored_at_ms = $1
         WHERE id = 1",
    );
}
