-- Whether a dispute is recorded by the provider's own word (its object, or an event whose whole body it has signed),
-- or by what an event claims. NULL of those that an earlier release has written.
ALTER TABLE dispute_progress ADD COLUMN verified INTEGER CHECK (verified IN (0, 1));
