-- Keys that seal stored values, each wrapped by a key that is not in the database. None is ever deleted: a backup may
-- need it. Times are microseconds since 1970 (UTC).
CREATE TABLE data_keys (
    id         TEXT    PRIMARY KEY,
    -- what it is for: the values themselves, or the indexes that they are found by
    purpose    TEXT    NOT NULL CHECK (purpose IN ('values', 'index')),
    -- the name of the key that wraps it
    wrapped_by TEXT    NOT NULL,
    wrapped    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    -- since when nothing new is sealed with it, and what it has sealed is to be sealed again
    retired_at INTEGER
) STRICT, WITHOUT ROWID;

-- Releases of before cannot read what is sealed, so they are excluded once there is a key to seal with.
CREATE TRIGGER sealing_begins AFTER INSERT ON data_keys
BEGIN
    UPDATE schema_compatibility SET oldest_control_plane = 110 WHERE oldest_control_plane < 110;
END;

-- Payments by their customer reference, of which only a keyed hash is kept. A table of its own: `payments` keeps its
-- columns. `index_key` is the data key of the hash; empty while values are plain.
CREATE TABLE payment_customers (
    client    TEXT NOT NULL,
    customer  TEXT NOT NULL,
    payment   TEXT NOT NULL,
    index_key TEXT NOT NULL,
    PRIMARY KEY (client, customer, payment)
) STRICT, WITHOUT ROWID;

-- How far the command that seals what is there has come with each table.
CREATE TABLE reseal_progress (
    name        TEXT    PRIMARY KEY,
    -- the key of the last row, as JSON
    place       TEXT    NOT NULL,
    rows_seen   INTEGER NOT NULL,
    rows_sealed INTEGER NOT NULL,
    began_at    INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;

-- How the detail of a record is stored may change, so that it can be sealed; what it says may not, and nothing else.
DROP TRIGGER events_are_not_changed;
CREATE TRIGGER events_are_not_changed
BEFORE UPDATE OF seq, payment, refund, version, from_state, to_state, at, client, request_id ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER events_are_only_sealed BEFORE UPDATE OF detail ON events WHEN substr(NEW.detail, 1, 5) <> 'enc1:'
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
