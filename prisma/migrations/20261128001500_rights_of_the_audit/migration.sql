-- Compatible with: 20261127182500_search_spelling
--
-- By hand: Prisma writes no rights. Nobody but the owner may change or delete events of the audit and what they name, also not by the name of a
-- partition. Default privileges give each new table's rights to the role of requests, a partition's too, and a restored table's.

-- Takes those rights back where somebody has them. It changes nothing if nobody has, or if the role does not own the tables. Another process that is at
-- it is left to it.
CREATE FUNCTION "audit_events_restrict"() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT c.oid::regclass AS relation, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
        WHERE (
            c.oid IN ('audit_events'::regclass, 'audit_values'::regclass)
            OR c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = 'audit_events'::regclass)
        )
        AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') AND a.grantee <> c.relowner AND a.grantor = c.relowner
        AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        IF NOT pg_try_advisory_xact_lock(7466312) THEN
            RETURN;
        END IF;
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %s CASCADE', given.relation, given.grantee);
    END LOOP;
END
$$;

-- As before, and without those rights.
CREATE OR REPLACE FUNCTION "audit_events_add_partition"("month" date) RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'audit_events_' || coalesce(to_char(month, 'YYYY_MM'), 'default');
    bounds text := CASE WHEN month IS NULL THEN 'DEFAULT' ELSE format(
        'FOR VALUES FROM (%L) TO (%L)', month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00') END;
BEGIN
    -- Made apart and then attached: that lets others write meanwhile, where CREATE TABLE … PARTITION OF does not. A trigger for statements is not
    -- inherited.
    EXECUTE format('CREATE TABLE %I (LIKE audit_events)', partition);
    EXECUTE format('CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()', partition);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_events_append_only', partition);
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I %s', partition, bounds);
    PERFORM audit_events_restrict();
    RETURN partition;
END
$$;

SELECT "audit_events_restrict"();
