-- Keys that seal stored values, each wrapped by a key that is not in the database. None is ever deleted: a backup may
-- need it. Times are microseconds since 1970 (UTC).
CREATE TABLE data_keys (
    id         text COLLATE "C" PRIMARY KEY,
    -- what it is for: the values themselves, or the indexes that they are found by
    purpose    text   NOT NULL CHECK (purpose IN ('values', 'index')),
    -- the name of the key that wraps it
    wrapped_by text   NOT NULL,
    wrapped    bytea  NOT NULL,
    created_at bigint NOT NULL,
    -- since when nothing new is sealed with it, and what it has sealed is to be sealed again
    retired_at bigint
);

-- Releases of before cannot read what is sealed, so they are excluded once there is a key to seal with. With the rights
-- of the schema's owner, which a process that serves does not have.
CREATE FUNCTION sealing_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE schema_compatibility SET oldest_control_plane = 110 WHERE oldest_control_plane < 110;
    RETURN NULL;
END;
$$;
CREATE TRIGGER sealing_begins AFTER INSERT ON data_keys FOR EACH ROW EXECUTE FUNCTION sealing_begins();

-- Payments by their customer reference, of which only a keyed hash is kept. A table of its own: `payments` keeps its
-- columns. `index_key` is the data key of the hash; empty while values are plain.
CREATE TABLE payment_customers (
    client    text COLLATE "C" NOT NULL,
    customer  text COLLATE "C" NOT NULL,
    payment   text COLLATE "C" NOT NULL,
    index_key text NOT NULL,
    PRIMARY KEY (client, customer, payment)
);

-- How far the command that seals what is there has come with each table.
CREATE TABLE reseal_progress (
    name        text PRIMARY KEY,
    -- the key of the last row, as JSON
    place       text   NOT NULL,
    rows_seen   bigint NOT NULL,
    rows_sealed bigint NOT NULL,
    began_at    bigint NOT NULL,
    finished_at bigint
);

-- How the detail of a record is stored may change, so that it can be sealed; what it says may not, and nothing else.
CREATE OR REPLACE FUNCTION events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF starts_with(NEW.detail, 'enc1:') AND to_jsonb(NEW) - 'detail' = to_jsonb(OLD) - 'detail' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail cannot be changed';
END;
$$;
