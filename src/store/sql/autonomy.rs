//! Autonomy: what fixes of a class came to in a repository, and the changes that followed.

use super::{Statement, family, given};

family! {
    /// The newest $3 fixes of class $2 in repository $1 that are green or that something speaks
    /// against, a row for each sign.
    RECORD = Statement::both(
        "SELECT a.id, a.number_of_pull, a.end_detail, a.green_at_ms, x.sign, x.at_ms AS sign_at_ms
         FROM (
             SELECT t.id, c.number AS number_of_pull, t.end_detail,
                    (SELECT MAX(f.at_ms) FROM fixes f WHERE f.attempt_id = t.id) AS green_at_ms
             FROM cases c
             JOIN case_classes k ON k.case_id = c.id AND k.class = $2
             JOIN attempts t ON t.case_id = c.id
             WHERE c.repo_id = $1
               AND (EXISTS (SELECT 1 FROM fixes f WHERE f.attempt_id = t.id)
                    OR EXISTS (SELECT 1 FROM false_fixes y WHERE y.attempt_id = t.id))
             ORDER BY t.planned_at_ms DESC, t.id DESC
             LIMIT $3 + 0
         ) AS a
         LEFT JOIN false_fixes x ON x.attempt_id = a.id
         ORDER BY a.id, x.sign",
    );

    /// The last change of a class in a repository.
    LAST = Statement::both(
        "SELECT at_ms, level_from, level_to, because
         FROM autonomy_changes
         WHERE repo_id = $1 AND class = $2
         ORDER BY at_ms DESC
         LIMIT 1",
    );

    /// Changes, each once: whoever finds one first tells it.
    CHANGE = given!(
        "INSERT INTO autonomy_changes (
             repo_id, class, at_ms, level_from, level_to, because, case_id
         )
         SELECT given.repo_id, given.class, given.at_ms, given.level_from, given.level_to,
                given.because, given.case_id
         FROM ",
        (repo_id BIGINT, class TEXT, at_ms BIGINT, level_from TEXT, level_to TEXT, because TEXT,
         case_id TEXT),
        "
         WHERE TRUE
         ON CONFLICT (repo_id, class, at_ms) DO NOTHING"
    );

    /// Changes that a case was the first to tell.
    TOLD = Statement::both(
        "SELECT at_ms, level_from, level_to, because
         FROM autonomy_changes
         WHERE case_id = $1
         ORDER BY at_ms, class",
    );

    /// The newest changes since $1, of the repository $2 or ('') of all.
    CHANGES_SINCE = Statement::both(
        "SELECT r.slug, h.class, h.at_ms, h.level_from, h.level_to, h.because
         FROM autonomy_changes h
         JOIN repos r ON r.id = h.repo_id
         WHERE h.at_ms >= $1
           AND ($2 = '' OR r.slug = $2)
         ORDER BY h.at_ms DESC, h.class
         LIMIT $3 + 0",
    );
}
