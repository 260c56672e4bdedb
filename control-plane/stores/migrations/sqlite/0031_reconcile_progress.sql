-- The reconciliation that runs by itself: who is at it, until when, and how far it is. Times are microseconds since 1970.
CREATE TABLE reconcile_progress (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    holder      TEXT    NOT NULL,
    held_until  INTEGER NOT NULL,
    began_at    INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    place       TEXT    NOT NULL,
    compared    INTEGER NOT NULL,
    different   INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
