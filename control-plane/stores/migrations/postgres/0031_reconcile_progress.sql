-- The reconciliation that runs by itself: who is at it, until when, and how far it is. Times are microseconds since 1970.
CREATE TABLE reconcile_progress (
    only_row    integer PRIMARY KEY CHECK (only_row = 1),
    holder      text   NOT NULL,
    held_until  bigint NOT NULL,
    began_at    bigint NOT NULL,
    since       bigint NOT NULL,
    place       text   NOT NULL,
    compared    bigint NOT NULL,
    different   bigint NOT NULL,
    finished_at bigint
);
