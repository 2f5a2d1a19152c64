//! Remedies: what healed, for whom, and what came of it since.

use super::{Statement, family, given};

family! {
    /// Files fixes, each once.
    FILE = given!(
        "INSERT INTO remedies (
             attempt_id, installation_id, repo_id, number, commit_sha, shared, body, filed_at_ms
         )
         SELECT given.attempt_id, given.installation_id, given.repo_id, given.number,
                given.commit_sha, given.shared, given.body, given.filed_at_ms
         FROM ",
        (attempt_id TEXT, installation_id BIGINT, repo_id BIGINT, number BIGINT, commit_sha TEXT,
         shared BIGINT, body TEXT, filed_at_ms BIGINT),
        "
         WHERE TRUE
         ON CONFLICT (attempt_id) DO NOTHING"
    );

    /// What they are found by.
    FILE_SHAPES = given!(
        "INSERT INTO remedy_shapes (shape, attempt_id)
         SELECT given.shape, r.attempt_id
         FROM ",
        (attempt_id TEXT, shape TEXT),
        "
         JOIN remedies r ON r.attempt_id = given.attempt_id
         WHERE TRUE
         ON CONFLICT (shape, attempt_id) DO NOTHING"
    );

    /// The newest remedies of owner $2 for these shapes: of repository $3, and what others share; but
    /// for those that the case of attempt $4 has tried.
    REMEDIES = given!(
        "SELECT r.attempt_id, r.installation_id, r.repo_id, p.slug, r.number, r.commit_sha,
                r.shared, r.body, r.filed_at_ms,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'healed') AS heals,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'in_vain') AS in_vain
         FROM remedies r
         JOIN repos p ON p.id = r.repo_id
         WHERE r.attempt_id IN (
             SELECT s.attempt_id
             FROM ",
        (shape TEXT),
        "
             JOIN remedy_shapes s ON s.shape = given.shape
         )
           -- A sign against the fix, or against one that applied it, ends a remedy.
           AND NOT EXISTS (SELECT 1 FROM false_fixes f WHERE f.attempt_id = r.attempt_id)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN false_fixes f ON f.attempt_id = o.attempt_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IN ('proposed', 'healed')
           )
           AND r.installation_id = $2
           AND (r.repo_id = $3 OR r.shared = 1)
           AND NOT EXISTS (
               SELECT 1
               FROM remedy_offers o
               JOIN attempts a ON a.id = o.attempt_id
               JOIN attempts now ON now.id = $4 AND now.case_id = a.case_id
               WHERE o.remedy_id = r.attempt_id
                 AND o.came IS NOT NULL
           )
         ORDER BY r.filed_at_ms DESC, r.attempt_id DESC
         LIMIT $5 + 0"
    );

    /// The newest $2 remedies of repository $1, or ('') of all, with what speaks against them.
    KEPT = Statement::both(
        "SELECT r.attempt_id, r.installation_id, r.repo_id, p.slug, r.number, r.commit_sha,
                r.shared, r.body, r.filed_at_ms,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'healed') AS heals,
                (SELECT COUNT(*) FROM remedy_offers o
                 WHERE o.remedy_id = r.attempt_id AND o.came = 'in_vain') AS in_vain,
                k.class,
                (SELECT MIN(f.sign) FROM false_fixes f WHERE f.attempt_id = r.attempt_id) AS against,
                (SELECT MIN(f.sign)
                 FROM remedy_offers o
                 JOIN false_fixes f ON f.attempt_id = o.attempt_id
                 WHERE o.remedy_id = r.attempt_id
                   AND o.came IN ('proposed', 'healed')) AS against_use
         FROM remedies r
         JOIN repos p ON p.id = r.repo_id
         JOIN attempts a ON a.id = r.attempt_id
         LEFT JOIN case_classes k ON k.case_id = a.case_id
         WHERE $1 = '' OR LOWER(p.slug) = LOWER($1)
         ORDER BY r.filed_at_ms DESC, r.attempt_id DESC
         LIMIT $2 + 0",
    );

    /// A runner is given a remedy; again is no news.
    OFFER = Statement::both(
        "INSERT INTO remedy_offers (attempt_id, remedy_id, at_ms)
         VALUES ($1, $2, $3)
         ON CONFLICT (attempt_id, remedy_id) DO NOTHING",
    );

    /// What came of a remedy that an attempt was given; what came of it first counts.
    CAME = Statement::both(
        "UPDATE remedy_offers
         SET came = $3, at_ms = $4
         WHERE attempt_id = $1 AND remedy_id = $2 AND came IS NULL",
    );

    /// A fix that applied a remedy is green.
    HEALED = Statement::both(
        "UPDATE remedy_offers
         SET came = 'healed', at_ms = $3
         WHERE attempt_id = $1 AND remedy_id = $2 AND came = 'proposed'",
    );

    /// What remedies are found by that have healed nothing since $1, and of each repository that of all
    /// but the newest $2.
    FORGET_SHAPES = Statement::both(
        "DELETE FROM remedy_shapes
         WHERE attempt_id IN (
             SELECT r.attempt_id
             FROM (
                 SELECT attempt_id, filed_at_ms,
                        ROW_NUMBER() OVER (
                            PARTITION BY repo_id ORDER BY filed_at_ms DESC, attempt_id DESC
                        ) AS nth
                 FROM remedies
             ) AS r
             WHERE r.nth > $2
                OR (r.filed_at_ms < $1 AND NOT EXISTS (
                    SELECT 1 FROM remedy_offers o
                    WHERE o.remedy_id = r.attempt_id AND o.came = 'healed' AND o.at_ms >= $1
                ))
         )",
    );

    /// What came of remedies that nothing finds any more.
    FORGET_OFFERS = Statement::both(
        "DELETE FROM remedy_offers
         WHERE NOT EXISTS (
             SELECT 1 FROM remedy_shapes s WHERE s.attempt_id = remedy_offers.remedy_id
         )",
    );

    /// Remedies that nothing finds any more.
    FORGET_REMEDIES = Statement::both(
        "DELETE FROM remedies
         WHERE NOT EXISTS (SELECT 1 FROM remedy_shapes s WHERE s.attempt_id = remedies.attempt_id)",
    );
}
