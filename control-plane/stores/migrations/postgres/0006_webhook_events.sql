-- What providers told us, stored before it was acknowledged. Times are microseconds since 1970 (UTC).
CREATE TABLE webhook_events (
    provider    text   NOT NULL,
    -- the provider's; an event that comes twice is one row
    id          text COLLATE "C" NOT NULL,
    kind        text   NOT NULL,
    -- byte for byte as received
    body        bytea  NOT NULL,
    -- when the provider made it
    created_at  bigint,
    received_at bigint NOT NULL,
    state       text   NOT NULL CHECK (state IN ('received', 'done', 'ignored', 'failed')),
    attempts    bigint NOT NULL DEFAULT 0,
    -- when it may be claimed; whoever claims it moves this on
    next_at     bigint NOT NULL,
    -- why it was ignored or failed last
    reason      text,
    PRIMARY KEY (provider, id)
);

CREATE INDEX webhook_events_due ON webhook_events (next_at) WHERE state IN ('received', 'failed');
CREATE INDEX webhook_events_by_time ON webhook_events (received_at);

-- Payers' complaints, as the provider last told of them.
CREATE TABLE disputes (
    provider  text   NOT NULL,
    id        text COLLATE "C" NOT NULL,
    payment   text COLLATE "C" NOT NULL REFERENCES payments (id),
    reason    text,
    status    text,
    amount    bigint CHECK (amount BETWEEN 1 AND 99999999),
    currency  text,
    opened_at bigint,
    closed_at bigint,
    -- when the provider said so
    as_of     bigint NOT NULL,
    PRIMARY KEY (provider, id)
);

CREATE INDEX disputes_by_payment ON disputes (payment);
