-- no-transaction
CREATE INDEX CONCURRENTLY events_in_order ON events (xid, seq);
