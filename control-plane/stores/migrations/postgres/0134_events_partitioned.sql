-- The audit trail is partitioned by the month in which its payment was made. All records of a payment are in one partition,
-- so what is unique stays unique, and a payment's trail is read from one. The table of before becomes the first partition
-- as it is: no row is read or written, and others wait for as long as it takes to change the catalogue, some milliseconds.
LOCK TABLE events IN ACCESS EXCLUSIVE MODE;

-- A partition cannot number rows by itself.
CREATE SEQUENCE events_numbers AS bigint;
SELECT setval('events_numbers', greatest((SELECT max(seq) FROM events), 1), EXISTS (SELECT 1 FROM events));

ALTER TABLE events RENAME TO events_before;
ALTER TABLE events_before ALTER COLUMN seq DROP IDENTITY;
DROP TRIGGER events_are_not_changed ON events_before;
DROP INDEX events_once;
ALTER INDEX events_once_of_payment RENAME TO events_before_once;
ALTER INDEX events_by_payment RENAME TO events_before_by_payment;
ALTER INDEX events_in_order RENAME TO events_before_in_order;
ALTER INDEX events_by_client RENAME TO events_before_by_client;
ALTER INDEX events_pkey RENAME TO events_before_pkey;

CREATE TABLE events (LIKE events_before INCLUDING DEFAULTS) PARTITION BY RANGE (payment);
ALTER TABLE events ALTER COLUMN seq SET DEFAULT nextval('events_numbers');
ALTER SEQUENCE events_numbers OWNED BY events.seq;
CREATE INDEX events_by_payment ON events (payment, seq);
CREATE UNIQUE INDEX events_once ON events (coalesce(refund, payment), version, payment);
CREATE INDEX events_in_order ON events (xid, seq);
CREATE INDEX events_by_client ON events (client, xid, seq);

DO $$
BEGIN
    EXECUTE format(
        'ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (MINVALUE) TO (%L)',
        -- As the constraint says: the month may have ended meanwhile.
        (SELECT substring(pg_get_constraintdef(oid) FROM '''(txn_[0-9a-f-]+)''')
         FROM pg_constraint WHERE conname = 'events_until_now' AND conrelid = 'events_before'::regclass)
    );
END;
$$;
ALTER TABLE events_before DROP CONSTRAINT events_until_now;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION events_are_kept();
CREATE TRIGGER events_are_not_emptied BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION events_are_kept();

-- Nothing stops for the want of a partition.
CREATE TABLE events_other PARTITION OF events (PRIMARY KEY (seq)) DEFAULT;
CREATE TRIGGER events_are_not_emptied BEFORE TRUNCATE ON events_other
FOR EACH STATEMENT EXECUTE FUNCTION events_are_kept();

-- Makes the partitions of this month and of those to come, as many as are wanted, and says how many it made. A partition is
-- made apart and then attached, which blocks no reader and no writer.
CREATE FUNCTION make_event_partitions(months int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    month timestamptz;
    made int := 0;
    name text;
    bound text;
BEGIN
    FOR month IN
        SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + n * interval '1 month'
        FROM generate_series(0, months) AS n
    LOOP
        name := 'events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        -- What the table of before covers needs none.
        SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''(txn_[0-9a-f-]+)''\)') INTO bound
        FROM pg_class WHERE oid = 'events_before'::regclass;
        CONTINUE WHEN to_regclass(name) IS NOT NULL OR first_payment_of(month) < bound;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS, PRIMARY KEY (seq))', name);
        EXECUTE format(
            'CREATE TRIGGER events_are_not_emptied BEFORE TRUNCATE ON %I
             FOR EACH STATEMENT EXECUTE FUNCTION events_are_kept()', name
        );
        EXECUTE format(
            'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, first_payment_of(month), first_payment_of(month + interval '1 month')
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END;
$$;
-- Roles that serve keep their rights: a new table and a new sequence have none.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END AS role,
               acl.privilege_type AS privilege
        FROM pg_class AS c, aclexplode(c.relacl) AS acl
        WHERE c.oid = 'events_before'::regclass AND acl.grantee <> c.relowner
          AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    LOOP
        EXECUTE format('GRANT %s ON events TO %s', granted.privilege, granted.role);
        IF granted.privilege = 'INSERT' THEN
            EXECUTE format('GRANT USAGE ON SEQUENCE events_numbers TO %s', granted.role);
        END IF;
    END LOOP;
END;
$$;
