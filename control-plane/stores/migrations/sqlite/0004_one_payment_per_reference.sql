-- What the provider knows by one name is one payment here: an approved order cannot be charged by two. A
-- payment that failed with it gives it free.
DROP INDEX payments_by_reference;

CREATE UNIQUE INDEX payments_one_per_reference ON payments (provider, reference)
WHERE reference IS NOT NULL AND state <> 'failed';
