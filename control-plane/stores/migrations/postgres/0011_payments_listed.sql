-- no-transaction
-- A client's payments by state and provider, newest first: a rare state is found without a walk over all the others.
CREATE INDEX CONCURRENTLY payments_listed ON payments (client, provider, state, id);
