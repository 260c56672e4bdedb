-- no-transaction
CREATE INDEX CONCURRENTLY refunds_undecided ON refunds (id) WHERE due_at IS NOT NULL;
