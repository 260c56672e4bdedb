-- The audit trail: one row for each transition, never changed.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    payment    TEXT    NOT NULL REFERENCES payments (id),
    refund     TEXT    REFERENCES refunds (id),
    -- the version of the payment (or refund) that the transition made
    version    INTEGER NOT NULL,
    from_state TEXT,
    to_state   TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    client     TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;

CREATE INDEX events_by_payment ON events (payment, seq);
CREATE UNIQUE INDEX events_once ON events (coalesce(refund, payment), version);

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
