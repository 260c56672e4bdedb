-- Data keys of values that end: of payers' data, and of providers' events. An erased key keeps its row, without the key,
-- so that what it has sealed is known to have ended, and not to lack a key. Times are microseconds since 1970 (UTC).
ALTER TABLE data_keys
    DROP CONSTRAINT data_keys_purpose_check,
    ADD CONSTRAINT data_keys_purpose_check CHECK (purpose IN ('values', 'index', 'payers', 'webhooks')),
    -- Of a key that seals what is there already: from when on, and until when, the values are that it seals.
    ADD COLUMN values_since bigint,
    ADD COLUMN values_until bigint,
    ADD COLUMN erased_at    bigint,
    ADD CONSTRAINT data_keys_erased_check CHECK (erased_at IS NULL OR length(wrapped) = 0);

-- A key that was erased is gone: no release, no command and no half-restored table puts it back.
CREATE FUNCTION erased_keys_stay_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'data keys are not emptied';
    END IF;
    RAISE EXCEPTION 'this data key was erased';
END;
$$;
CREATE TRIGGER erased_keys_stay_erased BEFORE UPDATE OR DELETE ON data_keys
FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION erased_keys_stay_erased();
CREATE TRIGGER data_keys_are_not_emptied BEFORE TRUNCATE ON data_keys
FOR EACH STATEMENT EXECUTE FUNCTION erased_keys_stay_erased();

-- Earlier releases cannot read what these keys seal.
CREATE OR REPLACE FUNCTION sealing_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE schema_compatibility SET oldest_control_plane = 130 WHERE oldest_control_plane < 130;
    RETURN NULL;
END;
$$;

-- The runs that ended data: who began each, how far it is, and what has ended. Kept as the record of it.
CREATE TABLE retention_runs (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_by    text   NOT NULL,
    began_at    bigint NOT NULL,
    -- the process that is at it, and until when
    holder      text   NOT NULL,
    held_until  bigint NOT NULL,
    -- the schedule, the place, and the counts, as JSON
    schedule    text   NOT NULL,
    place       text   NOT NULL,
    ended       text   NOT NULL,
    finished_at bigint
);
CREATE UNIQUE INDEX retention_runs_one_at_a_time ON retention_runs ((finished_at IS NULL)) WHERE finished_at IS NULL;

-- The first event that the event log still serves. Those before are in their payments' audit trails only.
CREATE TABLE log_horizon (
    only_row  integer PRIMARY KEY CHECK (only_row = 1),
    first_seq bigint NOT NULL,
    set_at    bigint NOT NULL
);
