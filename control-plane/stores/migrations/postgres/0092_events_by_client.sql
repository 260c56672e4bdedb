-- no-transaction
CREATE INDEX CONCURRENTLY events_by_client ON events (client, xid, seq);
