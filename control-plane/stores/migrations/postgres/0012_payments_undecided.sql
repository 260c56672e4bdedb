-- no-transaction
-- What is undecided, the oldest first.
CREATE INDEX CONCURRENTLY payments_undecided ON payments (id) WHERE due_at IS NOT NULL;
