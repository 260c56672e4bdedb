-- One row for each idempotency key a client has used. The scope is a hash over client, method, path and key,
-- so it is unique for each client, operation and key, and the key itself is not kept.
CREATE TABLE idempotency_keys (
    scope         text COLLATE "C" PRIMARY KEY,
    client        text   NOT NULL,
    fingerprint   text   NOT NULL,
    -- what the request made; neither for what was refused before
    payment       text COLLATE "C" REFERENCES payments (id),
    refund        text COLLATE "C" REFERENCES refunds (id),
    -- the final answer, byte for byte
    answer_status bigint,
    answer_body   text,
    created_at    bigint NOT NULL,
    CHECK ((answer_status IS NULL) = (answer_body IS NULL)),
    CHECK (payment IS NULL OR refund IS NULL)
);
