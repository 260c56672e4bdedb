-- no-transaction
-- Reads all records, beside those who write more.
ALTER TABLE events VALIDATE CONSTRAINT events_until_now;
