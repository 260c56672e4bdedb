-- no-transaction
-- What is due at one provider, however much is due at the other.
CREATE INDEX CONCURRENTLY payments_due_by_provider ON payments (provider, due_at) WHERE due_at IS NOT NULL;
