-- Fails the statement it is called in, and names the changes that it would have written in part. Called with
-- NULL, it does nothing.
CREATE FUNCTION refuse_half_changes(members int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF members IS NOT NULL THEN
        RAISE EXCEPTION 'some changes do not apply'
        USING ERRCODE = 'GW001', DETAIL = array_to_string(members, ',');
    END IF;
END;
$$;
