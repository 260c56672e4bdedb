-- What operators did, in the order of commits. The transitions that their commands made are in `events`. Never changed.
CREATE TABLE operator_actions (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       bigint NOT NULL,
    operator text   NOT NULL,
    origin   text   NOT NULL,
    action   text   NOT NULL,
    object   text   NOT NULL,
    outcome  text   NOT NULL,
    detail   text   NOT NULL
);

-- The leaves of the Merkle tree over `events` and `operator_actions`, from 0 on without gaps. Never changed.
CREATE TABLE audit_leaves (
    leaf     bigint PRIMARY KEY,
    -- the record's `seq` in its table
    event    bigint UNIQUE,
    action   bigint UNIQUE,
    hash     bytea  NOT NULL,
    CHECK ((event IS NULL) <> (action IS NULL))
);

-- The roots of the tree's full subtrees with 256, 256², … leaves. Never changed.
CREATE TABLE audit_nodes (
    height bigint NOT NULL,
    node   bigint NOT NULL,
    hash   bytea  NOT NULL,
    PRIMARY KEY (height, node)
);

-- The signed heads of the tree. Never changed.
CREATE TABLE audit_checkpoints (
    -- leaves
    size        bigint PRIMARY KEY,
    note        text   NOT NULL,
    sealed_at   bigint NOT NULL,
    -- where the event log and the actions are read on
    epoch       bigint NOT NULL,
    transaction_id bigint NOT NULL,
    event       bigint NOT NULL,
    action      bigint NOT NULL,
    -- how often a backup had been restored by then
    restores    bigint NOT NULL
);

-- Which process seals, and until when. Once it has a row, records are never stored in another way. Times are microseconds since 1970.
CREATE TABLE audit_sealer (
    only_row   integer PRIMARY KEY CHECK (only_row = 1),
    holder     text   NOT NULL,
    held_until bigint NOT NULL
);

CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail cannot be changed';
END;
$$;

-- What is sealed is what is stored, so how a record's detail is stored may change no more once a process seals. The lock
-- makes that process wait for who changes one until then, and reads on.
CREATE OR REPLACE FUNCTION events_are_kept() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        LOCK TABLE audit_sealer IN SHARE MODE;
        IF NOT EXISTS (SELECT FROM audit_sealer)
            AND starts_with(NEW.detail, 'enc1:') AND to_jsonb(NEW) - 'detail' = to_jsonb(OLD) - 'detail' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail cannot be changed';
END;
$$;

CREATE TRIGGER operator_actions_are_not_changed BEFORE UPDATE OR DELETE ON operator_actions
FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER operator_actions_are_not_emptied BEFORE TRUNCATE ON operator_actions
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_leaves_are_not_changed BEFORE UPDATE OR DELETE ON audit_leaves
FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_leaves_are_not_emptied BEFORE TRUNCATE ON audit_leaves
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_nodes_are_not_changed BEFORE UPDATE OR DELETE ON audit_nodes
FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_nodes_are_not_emptied BEFORE TRUNCATE ON audit_nodes
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_checkpoints_are_not_changed BEFORE UPDATE OR DELETE ON audit_checkpoints
FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_checkpoints_are_not_emptied BEFORE TRUNCATE ON audit_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
