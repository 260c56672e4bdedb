-- One row for each idempotency key a client has used. The scope is a hash over client, method, path and key,
-- so it is unique for each client, operation and key, and the key itself is not kept.
CREATE TABLE idempotency_keys (
    scope         TEXT    PRIMARY KEY,
    client        TEXT    NOT NULL,
    fingerprint   TEXT    NOT NULL,
    -- what the request made; neither for what was refused before
    payment       TEXT    REFERENCES payments (id),
    refund        TEXT    REFERENCES refunds (id),
    -- the final answer, byte for byte
    answer_status INTEGER,
    answer_body   TEXT,
    created_at    INTEGER NOT NULL,
    CHECK ((answer_status IS NULL) = (answer_body IS NULL)),
    CHECK (payment IS NULL OR refund IS NULL)
) STRICT, WITHOUT ROWID;
