-- The order in which events can be read without missing one: `seq` is drawn before the commit, so an event with a
-- smaller number may become visible after one with a larger number. All events of transactions below the oldest
-- running one are visible for good. Rows of earlier releases come first, by `seq`.
ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT '0';
ALTER TABLE events ALTER COLUMN xid SET DEFAULT pg_current_xact_id();

-- A server that was filled from a dump counts transactions from the start again. Each row begins a new count: events
-- from `first_seq` on come after all before them, whatever their `xid`.
CREATE TABLE log_epochs (
    first_seq bigint PRIMARY KEY,
    began_at  bigint NOT NULL
);
