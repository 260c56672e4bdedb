-- Amounts are minor units; times are microseconds since 1970 (UTC).
CREATE TABLE payments (
    id         TEXT    PRIMARY KEY,
    client     TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 99999999),
    currency   TEXT    NOT NULL CHECK (length(currency) = 3),
    -- what the client asked for, as JSON
    request    TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('created', 'processing', 'unknown', 'requires_action',
                           'authorized', 'completed', 'captured', 'canceled', 'failed')),
    -- the state with its data, as JSON
    detail     TEXT    NOT NULL,
    -- the provider's name for the payment
    reference  TEXT,
    captured   INTEGER NOT NULL DEFAULT 0,
    -- reserved or given back; the last wall against refunding more than was captured
    refunded   INTEGER NOT NULL DEFAULT 0,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (captured <= amount),
    CHECK (refunded BETWEEN 0 AND captured)
) STRICT;

-- listings are newest first, and ids sort by time
CREATE INDEX payments_by_client ON payments (client, id);
CREATE INDEX payments_by_reference ON payments (provider, reference) WHERE reference IS NOT NULL;
