-- no-transaction
-- Operators read what is undecided a few times a minute, and every charge paid for this. payments_due_by_provider has
-- the same rows.
DROP INDEX CONCURRENTLY IF EXISTS payments_undecided;
