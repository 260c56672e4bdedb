-- Every charge paid for these. payments_due_by_provider has the same rows, for the release before as well.
DROP INDEX payments_due;
DROP INDEX payments_undecided;
