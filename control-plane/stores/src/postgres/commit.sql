-- Many changes in one statement, which is one commit and one round trip. `rows_of` with a name stands for the rows of that
-- name, with the columns of their struct (rows.rs, key_rows.rs); `member` says which change a row belongs to. No two
-- members touch the same payment, refund, reference, key, dispute or event of a provider.
--
-- A member is written whole or not at all: one whose key cannot be changed is left out and reported, and if any
-- other does not apply, nothing is written and those are named (SQLSTATE GW001).
--
-- What stands between `--{ NAME` and `--}` is left out where no change of the batch needs it: each part costs the server
-- its time even if it has nothing to do. `customers` is for payments with a customer reference, `rest` for everything
-- but opening and moving payments.
--
-- `member = abs(member)` is always so. The planner takes it to leave one row, and therefore goes to the tables by
-- key, however small they were when the statement was planned.
WITH open_payment AS MATERIALIZED (
    SELECT * FROM rows_of(open_payment)
),
move_payment AS MATERIALIZED (
    SELECT * FROM rows_of(move_payment)
    WHERE member = abs(member)
),
event AS MATERIALIZED (
    SELECT * FROM rows_of(event)
),
take_key AS MATERIALIZED (
    SELECT * FROM rows_of(take_key)
),
answer_key AS MATERIALIZED (
    SELECT * FROM rows_of(answer_key)
    WHERE member = abs(member)
),
--{ customers
customer AS MATERIALIZED (
    SELECT * FROM rows_of(customer)
),
--}
--{ rest
release_key AS MATERIALIZED (
    SELECT * FROM rows_of(release_key)
    WHERE member = abs(member)
),
open_refund AS MATERIALIZED (
    SELECT * FROM rows_of(open_refund)
    WHERE member = abs(member)
),
move_refund AS MATERIALIZED (
    SELECT * FROM rows_of(move_refund)
    WHERE member = abs(member)
),
dispute AS MATERIALIZED (
    SELECT * FROM rows_of(dispute)
),
webhook AS MATERIALIZED (
    SELECT * FROM rows_of(webhook)
    WHERE member = abs(member)
),
watch AS MATERIALIZED (
    SELECT * FROM rows_of(watch)
    WHERE member = abs(member)
),
--}

-- The keys come first: whatever else is in the way, a key that was used is answered from its record.
taken AS (
    INSERT INTO idempotency_keys
        (scope, client, fingerprint, payment, refund, answer_status, answer_body, created_at)
    SELECT scope, client, fingerprint, payment, refund, answer_status, answer_body, created_at
    FROM take_key
    ON CONFLICT (scope) DO NOTHING
    RETURNING scope
),
answered AS (
    UPDATE idempotency_keys AS k SET answer_status = a.answer_status, answer_body = a.answer_body
    FROM answer_key AS a WHERE k.scope = a.scope AND k.answer_status IS NULL
      AND k.payment IS NOT DISTINCT FROM a.payment AND k.refund IS NOT DISTINCT FROM a.refund
    RETURNING a.member
),
--{ rest
released AS (
    DELETE FROM idempotency_keys AS k
    USING release_key AS r WHERE k.scope = r.scope AND k.answer_status IS NULL
      AND k.payment IS NOT DISTINCT FROM r.payment AND k.refund IS NOT DISTINCT FROM r.refund
    RETURNING r.member
),
--}
without_key AS MATERIALIZED (
    SELECT member FROM take_key WHERE scope NOT IN (SELECT scope FROM taken)
    -- A key that does not apply any more vetoes nothing but itself: what a provider did is recorded all the same.
    UNION ALL SELECT member FROM answer_key WHERE alone AND member NOT IN (SELECT member FROM answered)
    --{ rest
    UNION ALL SELECT member FROM release_key WHERE alone AND member NOT IN (SELECT member FROM released)
    --}
),

opened AS (
    INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, reference, captured,
                          refunded, due_at, tries, version, created_at, updated_at)
    SELECT id, client, provider, amount, currency, request, state, detail, reference, captured,
           refunded, due_at, tries, version, created_at, updated_at
    FROM open_payment WHERE member NOT IN (SELECT member FROM without_key)
    ON CONFLICT DO NOTHING
    RETURNING id
),
-- `refunded` is not written here: only refunds move it.
moved AS (
    UPDATE payments AS p
    SET state = m.state, detail = m.detail, reference = m.reference, captured = m.captured, due_at = m.due_at,
        tries = m.tries, version = m.version, updated_at = m.updated_at
    FROM move_payment AS m
    WHERE p.id = m.id AND p.version = m.version - 1 AND m.member NOT IN (SELECT member FROM without_key)
    RETURNING m.member
),
--{ customers
entered AS (
    INSERT INTO payment_customers (client, customer, payment, index_key)
    SELECT client, customer, payment, index_key
    FROM customer WHERE member NOT IN (SELECT member FROM without_key)
    ON CONFLICT DO NOTHING
),
--}
--{ rest
-- Condition and change are one, so two refunds at once cannot both take the last of it.
reserved AS (
    UPDATE payments AS p SET refunded = p.refunded + r.amount
    FROM open_refund AS r
    WHERE p.id = r.payment AND p.refunded + r.amount <= p.captured
      AND r.member NOT IN (SELECT member FROM without_key)
    RETURNING r.member
),
refund_opened AS (
    INSERT INTO refunds (id, payment, client, amount, currency, state, detail, reference, due_at, tries, version,
                         created_at, updated_at)
    SELECT id, payment, client, amount, currency, state, detail, reference, due_at, tries, version, created_at,
           updated_at
    FROM open_refund WHERE member IN (SELECT member FROM reserved)
    ON CONFLICT DO NOTHING
    RETURNING id
),
refund_moved AS (
    UPDATE refunds AS f
    SET state = m.state, detail = m.detail, reference = m.reference, due_at = m.due_at, tries = m.tries,
        version = m.version, updated_at = m.updated_at
    FROM move_refund AS m
    WHERE f.id = m.id AND f.version = m.version - 1 AND m.member NOT IN (SELECT member FROM without_key)
    RETURNING m.member
),
given_back AS (
    UPDATE payments AS p SET refunded = p.refunded - m.amount
    FROM move_refund AS m
    WHERE p.id = m.payment AND m.state = 'failed' AND m.member IN (SELECT member FROM refund_moved)
),

-- A dispute belongs to one payment for ever, unless that was only claimed and the provider itself says otherwise.
disputed AS (
    INSERT INTO disputes (provider, id, payment, reason, status, amount, currency, opened_at, closed_at, as_of)
    SELECT provider, id, payment, reason, status, amount, currency, opened_at, closed_at, as_of
    FROM dispute WHERE member NOT IN (SELECT member FROM without_key)
    ON CONFLICT (provider, id) DO UPDATE SET
        payment = excluded.payment, reason = excluded.reason, status = excluded.status, amount = excluded.amount,
        currency = excluded.currency, opened_at = excluded.opened_at, closed_at = excluded.closed_at,
        as_of = excluded.as_of
    WHERE disputes.payment = excluded.payment
       OR EXISTS (
            SELECT FROM dispute AS d
            WHERE d.provider = excluded.provider AND d.id = excluded.id AND d.verified)
        AND NOT coalesce(
            (SELECT p.verified FROM dispute_progress AS p
             WHERE p.provider = disputes.provider AND p.id = disputes.id),
            disputes.provider = 'stripe')
    RETURNING provider, id
),
progressed AS (
    INSERT INTO dispute_progress (provider, id, stage, outcome, outcome_code, changed_at, verified)
    SELECT provider, id, stage, outcome, outcome_code, changed_at, verified
    FROM dispute WHERE (provider, id) IN (SELECT provider, id FROM disputed)
    ON CONFLICT (provider, id) DO UPDATE SET
        stage = excluded.stage, outcome = excluded.outcome, outcome_code = excluded.outcome_code,
        changed_at = excluded.changed_at, verified = excluded.verified
),
-- An event that was worked off is not worked off again.
told AS (
    UPDATE webhook_events AS e
    SET state = w.state, reason = w.reason, attempts = w.attempts, next_at = coalesce(w.next_at, e.next_at)
    FROM webhook AS w
    WHERE e.provider = w.provider AND e.id = w.id AND e.state IN ('received', 'failed')
      AND w.member NOT IN (SELECT member FROM without_key)
    RETURNING w.member
),
watched AS (
    INSERT INTO watches (payment, provider, due_at)
    SELECT payment, provider, due_at FROM watch WHERE member NOT IN (SELECT member FROM without_key)
    ON CONFLICT (payment) DO UPDATE SET due_at = excluded.due_at
),
--}

-- Last, under the locks of what it records.
recorded AS (
    INSERT INTO events (payment, refund, version, from_state, to_state, at, client, request_id, detail)
    SELECT payment, refund, version, from_state, to_state, at, client, request_id, detail
    FROM event WHERE member NOT IN (SELECT member FROM without_key)
    ORDER BY member, version
),
half AS (
    SELECT member FROM open_payment WHERE id NOT IN (SELECT id FROM opened)
    UNION ALL SELECT member FROM move_payment WHERE member NOT IN (SELECT member FROM moved)
    --{ rest
    UNION ALL SELECT member FROM open_refund WHERE id NOT IN (SELECT id FROM refund_opened)
    UNION ALL SELECT member FROM move_refund WHERE member NOT IN (SELECT member FROM refund_moved)
    UNION ALL SELECT member FROM dispute WHERE (provider, id) NOT IN (SELECT provider, id FROM disputed)
    UNION ALL SELECT member FROM webhook WHERE member NOT IN (SELECT member FROM told)
    --}
)
SELECT ARRAY (SELECT member FROM without_key) AS without_key,
       refuse_half_changes((
           SELECT array_agg(DISTINCT member) FROM half WHERE member NOT IN (SELECT member FROM without_key)
       ))::text AS refused;
