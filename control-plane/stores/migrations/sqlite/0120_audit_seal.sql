-- What operators did, in the order of commits. The transitions that their commands made are in `events`. Never changed.
CREATE TABLE operator_actions (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    operator TEXT    NOT NULL,
    origin   TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    object   TEXT    NOT NULL,
    outcome  TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;

-- The leaves of the Merkle tree over `events` and `operator_actions`, from 0 on without gaps. Never changed.
CREATE TABLE audit_leaves (
    leaf     INTEGER PRIMARY KEY,
    -- the record's `seq` in its table
    event    INTEGER UNIQUE,
    action   INTEGER UNIQUE,
    hash     BLOB    NOT NULL,
    CHECK ((event IS NULL) <> (action IS NULL))
) STRICT;

-- The roots of the tree's full subtrees with 256, 256², … leaves. Never changed.
CREATE TABLE audit_nodes (
    height INTEGER NOT NULL,
    node   INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    PRIMARY KEY (height, node)
) STRICT, WITHOUT ROWID;

-- The signed heads of the tree. Never changed.
CREATE TABLE audit_checkpoints (
    -- leaves
    size        INTEGER PRIMARY KEY,
    note        TEXT    NOT NULL,
    sealed_at   INTEGER NOT NULL,
    -- where the event log and the actions are read on
    epoch       INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    action      INTEGER NOT NULL,
    -- how often a backup had been restored by then
    restores    INTEGER NOT NULL
) STRICT;

-- Which process seals, and until when. Once it has a row, records are never stored in another way. Times are microseconds since 1970.
CREATE TABLE audit_sealer (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    holder     TEXT    NOT NULL,
    held_until INTEGER NOT NULL
) STRICT;

-- What is sealed is what is stored, so how a record's detail is stored may change no more once a process seals.
DROP TRIGGER events_are_only_sealed;
CREATE TRIGGER events_are_only_sealed BEFORE UPDATE OF detail ON events
WHEN substr(NEW.detail, 1, 5) <> 'enc1:' OR EXISTS (SELECT 1 FROM audit_sealer)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;

CREATE TRIGGER operator_actions_are_not_changed BEFORE UPDATE ON operator_actions
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER operator_actions_are_not_deleted BEFORE DELETE ON operator_actions
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_leaves_are_not_changed BEFORE UPDATE ON audit_leaves
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_leaves_are_not_deleted BEFORE DELETE ON audit_leaves
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_nodes_are_not_changed BEFORE UPDATE ON audit_nodes
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_nodes_are_not_deleted BEFORE DELETE ON audit_nodes
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_checkpoints_are_not_changed BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
CREATE TRIGGER audit_checkpoints_are_not_deleted BEFORE DELETE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit trail cannot be changed');
END;
