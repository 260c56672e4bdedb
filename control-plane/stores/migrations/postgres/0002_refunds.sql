CREATE TABLE refunds (
    id         text COLLATE "C" PRIMARY KEY,
    payment    text COLLATE "C" NOT NULL REFERENCES payments (id),
    client     text COLLATE "C" NOT NULL,
    amount     bigint NOT NULL CHECK (amount BETWEEN 1 AND 99999999),
    currency   text   NOT NULL,
    state      text   NOT NULL CHECK (state IN ('processing', 'unknown', 'pending', 'processed', 'failed')),
    detail     text   NOT NULL,
    reference  text COLLATE "C",
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE INDEX refunds_by_payment ON refunds (payment, id);
