-- no-transaction
-- Each transition has one record, said so that it holds in a table that is partitioned by payment: a subject belongs to one.
CREATE UNIQUE INDEX CONCURRENTLY events_once_of_payment ON events (coalesce(refund, payment), version, payment);
