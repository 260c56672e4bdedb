-- Amounts are minor units; times are microseconds since 1970 (UTC). Ids sort by time, byte by byte.
CREATE TABLE payments (
    id         text COLLATE "C" PRIMARY KEY,
    client     text COLLATE "C" NOT NULL,
    provider   text   NOT NULL,
    amount     bigint NOT NULL CHECK (amount BETWEEN 1 AND 99999999),
    currency   text   NOT NULL CHECK (length(currency) = 3),
    -- what the client asked for, as JSON
    request    text   NOT NULL,
    state      text   NOT NULL CHECK (state IN ('created', 'processing', 'unknown', 'requires_action',
                          'authorized', 'completed', 'captured', 'canceled', 'failed')),
    -- the state with its data, as JSON
    detail     text   NOT NULL,
    -- the provider's name for the payment
    reference  text COLLATE "C",
    captured   bigint NOT NULL DEFAULT 0,
    -- reserved or given back; the last wall against refunding more than was captured
    refunded   bigint NOT NULL DEFAULT 0,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CHECK (captured <= amount),
    CHECK (refunded BETWEEN 0 AND captured)
);

-- listings are newest first
CREATE INDEX payments_by_client ON payments (client, id);

-- What the provider knows by one name is one payment here: an approved order cannot be charged by two. A
-- payment that failed with it gives it free.
CREATE UNIQUE INDEX payments_one_per_reference ON payments (provider, reference)
WHERE reference IS NOT NULL AND state <> 'failed';
