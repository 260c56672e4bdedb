-- As before, but for a month that has records in `events_other`, because its partition was not made in time: they stay there,
-- with those that follow. Before, this failed, and with it every migration from then on.
CREATE OR REPLACE FUNCTION make_event_partitions(months int) RETURNS int LANGUAGE plpgsql AS $$
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
        BEGIN
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
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'records of % are in events_other and stay there', name;
        END;
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
