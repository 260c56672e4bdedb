-- no-transaction
-- Each charge paid for it twice. The release before, which asks for both providers' due payments at once, finds them
-- by payments_due_by_provider as well, which has no other rows.
DROP INDEX CONCURRENTLY IF EXISTS payments_due;
