-- Twelve digits instead of eight. SQLite has no ALTER for a CHECK; widening one touches no row, and this is the way that
-- its documentation gives for that (lang_altertable.html, "Making Other Kinds Of Table Schema Changes").
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'BETWEEN 1 AND 99999999)', 'BETWEEN 1 AND 999999999999)')
WHERE type = 'table' AND name IN ('payments', 'refunds', 'disputes');
PRAGMA writable_schema = RESET;
