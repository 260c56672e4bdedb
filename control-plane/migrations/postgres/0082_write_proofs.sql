-- What readiness writes where nothing else was written lately: that the database takes writes is proved by one.
CREATE TABLE write_proofs (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    proofs   bigint NOT NULL
);
