-- The records of payments up to the end of next month, which become the first partition. Not validated here: that reads all
-- rows, and blocks nobody in a migration of its own. Payments' ids sort by time: `txn_` and a UUIDv7, whose first twelve
-- digits are milliseconds since 1970.
CREATE FUNCTION first_payment_of(month timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'txn_' || substr(hex, 1, 8) || '-' || substr(hex, 9, 4)
    FROM (SELECT lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') AS hex) AS digits
$$;

DO $$
BEGIN
    EXECUTE format(
        'ALTER TABLE events ADD CONSTRAINT events_until_now CHECK (payment < %L) NOT VALID',
        first_payment_of(date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '2 months')
    );
END;
$$;
