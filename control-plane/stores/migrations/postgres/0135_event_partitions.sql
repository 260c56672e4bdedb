-- A year of partitions. `migrate` and `retention run` make more in time; records without one go to `events_other`.
SELECT make_event_partitions(12);
