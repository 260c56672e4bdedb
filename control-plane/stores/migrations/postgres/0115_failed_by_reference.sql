-- no-transaction
-- An order whose payment has failed is not charged for another one: its client is told how the payment ended.
CREATE INDEX CONCURRENTLY payments_failed_by_reference ON payments (provider, reference, id)
WHERE reference IS NOT NULL AND state = 'failed';
