-- Data keys of values that end: of payers' data, and of providers' events. An erased key keeps its row, without the key,
-- so that what it has sealed is known to have ended, and not to lack a key. Times are microseconds since 1970 (UTC).
-- SQLite cannot change a CHECK, so the small table is made again.
CREATE TABLE data_keys_wider (
    id           TEXT    PRIMARY KEY,
    -- what it is for: values that are kept, of payers, of providers' events, or the indexes that values are found by
    purpose      TEXT    NOT NULL CHECK (purpose IN ('values', 'index', 'payers', 'webhooks')),
    -- the name of the key that wraps it
    wrapped_by   TEXT    NOT NULL,
    wrapped      BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    -- since when nothing new is sealed with it, and what it has sealed is to be sealed again
    retired_at   INTEGER,
    -- Of a key that seals what is there already: from when on, and until when, the values are that it seals.
    values_since INTEGER,
    values_until INTEGER,
    erased_at    INTEGER,
    CHECK (erased_at IS NULL OR length(wrapped) = 0)
) STRICT, WITHOUT ROWID;
INSERT INTO data_keys_wider (id, purpose, wrapped_by, wrapped, created_at, retired_at)
SELECT id, purpose, wrapped_by, wrapped, created_at, retired_at FROM data_keys;
DROP TABLE data_keys;
ALTER TABLE data_keys_wider RENAME TO data_keys;

-- Earlier releases cannot read what these keys seal.
CREATE TRIGGER sealing_begins AFTER INSERT ON data_keys
BEGIN
    UPDATE schema_compatibility SET oldest_control_plane = 130 WHERE oldest_control_plane < 130;
END;

-- A key that was erased is gone: no release, no command and no half-restored table puts it back.
CREATE TRIGGER erased_keys_stay_erased BEFORE UPDATE ON data_keys WHEN OLD.erased_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'this data key was erased');
END;
CREATE TRIGGER erased_keys_are_not_deleted BEFORE DELETE ON data_keys WHEN OLD.erased_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'this data key was erased');
END;

-- The runs that ended data: who began each, how far it is, and what has ended. Kept as the record of it.
CREATE TABLE retention_runs (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    began_by    TEXT    NOT NULL,
    began_at    INTEGER NOT NULL,
    -- the process that is at it, and until when
    holder      TEXT    NOT NULL,
    held_until  INTEGER NOT NULL,
    -- the schedule, the place, and the counts, as JSON
    schedule    TEXT    NOT NULL,
    place       TEXT    NOT NULL,
    ended       TEXT    NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX retention_runs_one_at_a_time ON retention_runs (finished_at IS NULL) WHERE finished_at IS NULL;

-- The first event that the event log still serves. Those before are in their payments' audit trails only.
CREATE TABLE log_horizon (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    first_seq INTEGER NOT NULL,
    set_at    INTEGER NOT NULL
) STRICT;
