-- Twelve digits instead of eight. NOT VALID takes no look at the rows there are: they passed a narrower check.
ALTER TABLE payments
    DROP CONSTRAINT payments_amount_check,
    ADD CONSTRAINT payments_amount_check CHECK (amount BETWEEN 1 AND 999999999999) NOT VALID;
ALTER TABLE refunds
    DROP CONSTRAINT refunds_amount_check,
    ADD CONSTRAINT refunds_amount_check CHECK (amount BETWEEN 1 AND 999999999999) NOT VALID;
ALTER TABLE disputes
    DROP CONSTRAINT disputes_amount_check,
    ADD CONSTRAINT disputes_amount_check CHECK (amount BETWEEN 1 AND 999999999999) NOT VALID;
