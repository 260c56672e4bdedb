-- A client's payments by state and provider, newest first: a rare state is found without a walk over all the others.
CREATE INDEX payments_listed ON payments (client, provider, state, id);
-- What is undecided, the oldest first.
CREATE INDEX payments_undecided ON payments (id) WHERE due_at IS NOT NULL;
CREATE INDEX refunds_undecided ON refunds (id) WHERE due_at IS NOT NULL;
