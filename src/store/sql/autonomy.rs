//! Autonomy: what fixes of a class came to in a repository, and the changes that followed.

use super::{Statement, family, given};

family! {
    /// Of each class in its repository the newest $2 fixes that are green or that something speaks
    /// against, a row for each sign.
    RECORDS = given!(
        "SELECT a.repo_id, a.class, a.id, a.number_of_pull, a.end_detail,
                (SELECT MAX(f.at_ms) FROM fixes f WHERE f.attempt_id = a.id) AS green_at_ms,
                x.sign, x.at_ms AS sign_at_ms
         FROM (
             SELECT given.repo_id, given.class, t.id, c.number AS number_of_pull, t.end_detail,
                    ROW_NUMBER() OVER (
                        PARTITION BY given.repo_id, given.class
                        ORDER BY t.planned_at_ms DESC, t.id DESC
                    ) AS nth
             FROM ",
        (repo_id BIGINT, class TEXT),
        "
             JOIN cases c ON c.repo_id = given.repo_id
             JOIN case_classes k ON k.case_id = c.id AND k.class = given.class
             JOIN attempts t ON t.case_id = c.id
             WHERE EXISTS (SELECT 1 FROM fixes f WHERE f.attempt_id = t.id)
                OR EXISTS (SELECT 1 FROM false_fixes y WHERE y.attempt_id = t.id)
         ) AS a
         LEFT JOIN false_fixes x ON x.attempt_id = a.id
         WHERE a.nth <= CAST($2 AS BIGINT)
         ORDER BY a.repo_id, a.class, a.id, x.sign"
    );

    /// The last change of each class in its repository.
    LASTS = given!(
        "SELECT given.repo_id, given.class, h.at_ms, h.level_from, h.level_to, h.because
         FROM ",
        (repo_id BIGINT, class TEXT),
        "
         JOIN autonomy_changes h
           ON h.repo_id = given.repo_id
          AND h.class = given.class
          AND h.at_ms = (
              SELECT MAX(m.at_ms)
              FROM autonomy_changes m
              WHERE m.repo_id = given.repo_id
                AND m.class = given.class
          )"
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
