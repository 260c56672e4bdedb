-- The audit trail: one row for each transition, never changed.
CREATE TABLE events (
    -- The records of one payment are in order: each is written under the lock of what it records.
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment    text COLLATE "C" NOT NULL REFERENCES payments (id),
    refund     text COLLATE "C" REFERENCES refunds (id),
    -- the version of the payment (or refund) that the transition made
    version    bigint NOT NULL,
    from_state text,
    to_state   text   NOT NULL,
    at         bigint NOT NULL,
    client     text   NOT NULL,
    request_id text   NOT NULL,
    detail     text   NOT NULL
);

CREATE INDEX events_by_payment ON events (payment, seq);
CREATE UNIQUE INDEX events_once ON events (coalesce(refund, payment), version);
