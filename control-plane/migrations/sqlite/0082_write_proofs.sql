-- What readiness writes where nothing else was written lately: that the database takes writes is proved by one.
CREATE TABLE write_proofs (
    only_row INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    proofs   INTEGER NOT NULL
) STRICT;
