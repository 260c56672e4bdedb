-- What providers told us, stored before it was acknowledged. Times are microseconds since 1970 (UTC).
CREATE TABLE webhook_events (
    provider    TEXT    NOT NULL,
    -- the provider's; an event that comes twice is one row
    id          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    -- byte for byte as received
    body        BLOB    NOT NULL,
    -- when the provider made it
    created_at  INTEGER,
    received_at INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('received', 'done', 'ignored', 'failed')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- when it may be claimed; whoever claims it moves this on
    next_at     INTEGER NOT NULL,
    -- why it was ignored or failed last
    reason      TEXT,
    PRIMARY KEY (provider, id)
) STRICT;

CREATE INDEX webhook_events_due ON webhook_events (next_at) WHERE state IN ('received', 'failed');
CREATE INDEX webhook_events_by_time ON webhook_events (received_at);

-- Payers' complaints, as the provider last told of them.
CREATE TABLE disputes (
    provider  TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    payment   TEXT    NOT NULL REFERENCES payments (id),
    reason    TEXT,
    status    TEXT,
    amount    INTEGER CHECK (amount BETWEEN 1 AND 99999999),
    currency  TEXT,
    opened_at INTEGER,
    closed_at INTEGER,
    -- when the provider said so
    as_of     INTEGER NOT NULL,
    PRIMARY KEY (provider, id)
) STRICT;

CREATE INDEX disputes_by_payment ON disputes (payment);
