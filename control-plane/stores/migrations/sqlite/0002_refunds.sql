CREATE TABLE refunds (
    id         TEXT    PRIMARY KEY,
    payment    TEXT    NOT NULL REFERENCES payments (id),
    client     TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 99999999),
    currency   TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('processing', 'unknown', 'pending', 'processed', 'failed')),
    detail     TEXT    NOT NULL,
    reference  TEXT,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX refunds_by_payment ON refunds (payment, id);
