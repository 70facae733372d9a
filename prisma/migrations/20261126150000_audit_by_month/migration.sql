-- Compatible with: 20261126130344_attachment_versions
--
-- By hand: Prisma writes no partitions. The audit is partitioned by the month of its events, so that it is thinned by dropping whole months, and
-- what events repeat (kinds of acts, people, credentials, addresses, user agents) is stored once for each account. See docs/decisions/0103.

-- What events name. The month of the last use is kept, so that a value goes with the last events that name it: an address is personal data.
CREATE TABLE "audit_values" (
    "account_id" UUID NOT NULL,
    "id" SERIAL NOT NULL,
    "value" TEXT NOT NULL,
    "used_in" DATE NOT NULL,

    CONSTRAINT "audit_values_pkey" PRIMARY KEY ("account_id", "id")
);

CREATE UNIQUE INDEX "audit_values_account_id_value_key" ON "audit_values"("account_id", "value");

ALTER TABLE "audit_events" RENAME TO "audit_events_before";
ALTER INDEX "audit_events_pkey" RENAME TO "audit_events_before_pkey";
DROP INDEX "audit_events_account_id_created_at_id_idx";
DROP INDEX "audit_events_account_id_entity_id_created_at_id_idx";
DROP INDEX "audit_events_account_id_person_id_created_at_id_idx";

-- Columns of the same alignment stand together, so that no row has gaps. The last six are for the version before this one.
CREATE TABLE "audit_events" (
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "action" "AuditAction" NOT NULL,
    "entity" "AuditEntity" NOT NULL,
    "credential_kind" "CredentialKind",
    "kind_ref" INTEGER,
    "person_ref" INTEGER,
    "credential_ref" INTEGER,
    "address_ref" INTEGER,
    "user_agent_ref" INTEGER,
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "entity_id" UUID NOT NULL,
    "request_uuid" UUID,
    "person_id" UUID,
    "credential_id" UUID,
    "address" TEXT,
    "user_agent" TEXT,
    "request_id" TEXT
) PARTITION BY RANGE ("created_at");

CREATE OR REPLACE FUNCTION "audit_events_refuse"() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', coalesce(TG_ARGV[0], 'audit_events'), TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER "audit_events_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
    FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_refuse"();
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_append_only";

-- A value is added, and marked as used. Only a row's month of use changes.
CREATE TRIGGER "audit_values_append_only" BEFORE UPDATE OF "account_id", "id", "value" OR DELETE OR TRUNCATE ON "audit_values"
    FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_refuse"('audit_values');
ALTER TABLE "audit_values" ENABLE ALWAYS TRIGGER "audit_values_append_only";
REVOKE UPDATE, DELETE, TRUNCATE ON "audit_events", "audit_values" FROM PUBLIC;

-- Returns the ids of the given values of an account, and null for null. Those that are missing, or were last used in an earlier month, are written:
-- in one order, so that two callers never wait for each other. DO UPDATE waits for another caller that adds the same value, and the statement after it
-- sees what that one has committed. With the rights of its owner: who writes events needs no right to change values.
CREATE FUNCTION "audit_value_ids"("account" uuid, "kind" text, "person" text, "credential" text, "address" text, "user_agent" text) RETURNS integer[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    this_month date := date_trunc('month', now() AT TIME ZONE 'UTC');
    ids integer[] := ARRAY[
        (SELECT v.id FROM audit_values v WHERE v.account_id = account AND v.value = kind AND v.used_in >= this_month),
        (SELECT v.id FROM audit_values v WHERE v.account_id = account AND v.value = person AND v.used_in >= this_month),
        (SELECT v.id FROM audit_values v WHERE v.account_id = account AND v.value = credential AND v.used_in >= this_month),
        (SELECT v.id FROM audit_values v WHERE v.account_id = account AND v.value = address AND v.used_in >= this_month),
        (SELECT v.id FROM audit_values v WHERE v.account_id = account AND v.value = user_agent AND v.used_in >= this_month)
    ];
    given text[];
BEGIN
    IF num_nulls(VARIADIC ids) = num_nulls(kind, person, credential, address, user_agent) THEN
        RETURN ids;
    END IF;
    given := ARRAY[kind, person, credential, address, user_agent];
    INSERT INTO audit_values (account_id, value, used_in)
    SELECT account, missing.value, this_month
    FROM (SELECT DISTINCT g.value FROM unnest(given, ids) AS g (value, id) WHERE g.value IS NOT NULL AND g.id IS NULL) missing
    ORDER BY missing.value
    ON CONFLICT (account_id, value) DO UPDATE SET used_in = greatest(audit_values.used_in, excluded.used_in);
    RETURN ARRAY(
        SELECT v.id FROM unnest(given) WITH ORDINALITY AS g (value, place)
        LEFT JOIN audit_values v ON v.account_id = account AND v.value = g.value
        ORDER BY g.place
    );
END
$$;

-- Events that a process of the version before this one writes, while it runs beside this schema: what it gives as text becomes ids. It finds whom an
-- upload is to be attributed to no longer, since it looks in the columns that are empty now.
CREATE FUNCTION "audit_events_take_values"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids integer[] := audit_value_ids(
        NEW.account_id, NEW.action || ' ' || NEW.entity, NEW.person_id::text, NEW.credential_id::text, NEW.address, NEW.user_agent
    );
BEGIN
    NEW.kind_ref := ids[1];
    NEW.person_ref := coalesce(NEW.person_ref, ids[2]);
    NEW.credential_ref := coalesce(NEW.credential_ref, ids[3]);
    NEW.address_ref := coalesce(NEW.address_ref, ids[4]);
    NEW.user_agent_ref := coalesce(NEW.user_agent_ref, ids[5]);
    IF NEW.action = 'UPLOAD_ARRIVED' AND NEW.person_ref IS NULL THEN
        SELECT e.person_ref, e.credential_kind, e.credential_ref INTO NEW.person_ref, NEW.credential_kind, NEW.credential_ref
        FROM audit_events e
        WHERE e.account_id = NEW.account_id AND e.entity_id = NEW.entity_id AND e.action = 'UPLOAD_REQUESTED'
        ORDER BY e.created_at DESC, e.id DESC LIMIT 1;
    END IF;
    IF NEW.request_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        NEW.request_uuid := NEW.request_id::uuid;
        NEW.request_id := NULL;
    END IF;
    NEW.person_id := NULL;
    NEW.credential_id := NULL;
    NEW.address := NULL;
    NEW.user_agent := NULL;
    RETURN NEW;
END
$$;

-- Adds the partition of a month, in UTC, or without one the partition of every event that has no other.
CREATE FUNCTION "audit_events_add_partition"("month" date) RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
    RETURN partition;
END
$$;

-- The months that have a partition.
CREATE FUNCTION "audit_events_months"() RETURNS SETOF date LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT to_date(right(c.relname, 7), 'YYYY_MM')
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit_events'::regclass AND c.relname ~ '^audit_events_\d{4}_\d{2}$'
$$;

-- The indexes of a month that have room for further events.
CREATE FUNCTION "audit_events_loose_indexes"("month" date) RETURNS SETOF regclass LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT c.oid::regclass
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    WHERE x.indrelid = ('audit_events_' || to_char(month, 'YYYY_MM'))::regclass AND c.reloptions IS NULL
    ORDER BY c.relname
$$;

-- Makes the partitions of the current and the next month, gives events of the default partition the partition of their month, and drops the months
-- whose every event is older than the retention. If there is nothing of that to do, it packs the indexes of one month that is over: the events of
-- several accounts leave half of their pages empty. Returns what it did, or that the role may not do what there is to do. It takes no lock if there
-- is nothing to do. Another process that is at it is left to it.
CREATE FUNCTION "audit_events_maintain"("moment" timestamptz, "retention" interval) RETURNS jsonb LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    this_month date := date_trunc('month', moment AT TIME ZONE 'UTC');
    end_of_next timestamptz := (this_month + interval '2 months') AT TIME ZONE 'UTC';
    kept_from timestamp := (moment - retention) AT TIME ZONE 'UTC';
    missing date[];
    expired date[];
    has_strays boolean := false;
    may_change boolean := (
        SELECT pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE') FROM pg_class c WHERE c.oid = 'audit_events'::regclass
    );
    made text[] := '{}';
    dropped text[] := '{}';
    moved bigint := 0;
    oldest date;
    one date;
    loose date;
    index regclass;
BEGIN
    missing := ARRAY(SELECT m::date FROM unnest(ARRAY[this_month, this_month + interval '1 month']) m WHERE m::date NOT IN (SELECT audit_events_months()));
    expired := ARRAY(SELECT m FROM audit_events_months() m WHERE m + interval '1 month' <= kept_from ORDER BY m);
    -- A role that owns nothing may not read a partition by its name.
    IF may_change THEN
        has_strays := EXISTS (SELECT FROM audit_events_default d WHERE d.created_at < end_of_next);
    END IF;
    IF cardinality(missing) + cardinality(expired) = 0 AND NOT has_strays THEN
        -- A day later, since the clocks of writers may differ.
        SELECT min(m) INTO loose FROM audit_events_months() m
        WHERE may_change AND m + interval '1 month 1 day' <= moment AT TIME ZONE 'UTC' AND EXISTS (SELECT FROM audit_events_loose_indexes(m));
        IF loose IS NULL OR NOT pg_try_advisory_xact_lock(7466312) THEN
            RETURN '{"outcome": "nothing to do"}';
        END IF;
        FOR index IN SELECT i FROM audit_events_loose_indexes(loose) i LOOP
            EXECUTE format('ALTER INDEX %s SET (fillfactor = 100)', index);
            EXECUTE format('REINDEX INDEX %s', index);
        END LOOP;
        RETURN jsonb_build_object('outcome', 'packed', 'month', loose);
    END IF;
    IF NOT may_change THEN
        RETURN jsonb_build_object('outcome', 'forbidden', 'missing', missing, 'expired', expired);
    END IF;
    IF NOT pg_try_advisory_xact_lock(7466312) THEN
        RETURN '{"outcome": "nothing to do"}';
    END IF;

    IF has_strays THEN
        -- Nobody writes until this ends, so no event is missed. The events are inserted anew, and none is ever deleted.
        LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE audit_events DETACH PARTITION audit_events_default;
        ALTER TABLE audit_events_default RENAME TO audit_events_strays;
        missing := ARRAY(
            SELECT m FROM (
                SELECT unnest(missing) AS m
                UNION SELECT DISTINCT date_trunc('month', s.created_at AT TIME ZONE 'UTC')::date FROM audit_events_strays s WHERE s.created_at < end_of_next
            ) wanted WHERE m NOT IN (SELECT audit_events_months()) ORDER BY m
        );
    END IF;
    -- Asked anew, since another process may have made them before the lock was taken.
    FOREACH one IN ARRAY missing LOOP
        CONTINUE WHEN one IN (SELECT audit_events_months());
        made := made || audit_events_add_partition(one);
    END LOOP;
    IF has_strays THEN
        PERFORM audit_events_add_partition(NULL);
        INSERT INTO audit_events SELECT * FROM audit_events_strays;
        GET DIAGNOSTICS moved = ROW_COUNT;
        DROP TABLE audit_events_strays;
    END IF;

    FOR one IN SELECT m FROM audit_events_months() m WHERE m + interval '1 month' <= kept_from ORDER BY m LOOP
        EXECUTE format('DROP TABLE %I', 'audit_events_' || to_char(one, 'YYYY_MM'));
        dropped := dropped || ('audit_events_' || to_char(one, 'YYYY_MM'));
    END LOOP;
    IF cardinality(dropped) > 0 THEN
        -- A month more is kept, since the clocks of writers may differ from that of the database. No event that is left names an older value.
        SELECT min(m) - interval '1 month' INTO oldest FROM audit_events_months() m;
        ALTER TABLE audit_values DISABLE TRIGGER audit_values_append_only;
        DELETE FROM audit_values v WHERE v.used_in < oldest;
        ALTER TABLE audit_values ENABLE ALWAYS TRIGGER audit_values_append_only;
    END IF;
    RETURN jsonb_build_object('outcome', 'done', 'made', made, 'dropped', dropped, 'moved', moved);
END
$$;

-- The events there are: every month that has one gets its partition, and so do the current and the next month.
SELECT "audit_events_add_partition"(m) FROM (
    SELECT DISTINCT date_trunc('month', "created_at" AT TIME ZONE 'UTC')::date AS m FROM "audit_events_before"
    UNION SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date
    UNION SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date
) months ORDER BY m;
SELECT "audit_events_add_partition"(NULL);

INSERT INTO "audit_values" ("account_id", "value", "used_in")
SELECT "account_id", "value", greatest(max("month"), date_trunc('month', now() AT TIME ZONE 'UTC'))::date
FROM (
    SELECT "account_id", "action" || ' ' || "entity" AS "value", max("created_at") AT TIME ZONE 'UTC' AS "month"
    FROM "audit_events_before" GROUP BY 1, "action", "entity"
    UNION ALL
    SELECT "account_id", "person_id"::text, max("created_at") AT TIME ZONE 'UTC'
    FROM "audit_events_before" WHERE "person_id" IS NOT NULL GROUP BY 1, "person_id"
    UNION ALL
    SELECT "account_id", "credential_id"::text, max("created_at") AT TIME ZONE 'UTC'
    FROM "audit_events_before" WHERE "credential_id" IS NOT NULL GROUP BY 1, "credential_id"
    UNION ALL
    SELECT "account_id", "address", max("created_at") AT TIME ZONE 'UTC' FROM "audit_events_before" WHERE "address" IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT "account_id", "user_agent", max("created_at") AT TIME ZONE 'UTC' FROM "audit_events_before" WHERE "user_agent" IS NOT NULL GROUP BY 1, 2
) named
GROUP BY 1, 2 ORDER BY 1, 2;

ANALYZE "audit_values";

-- A request id is a UUID, since the gateway makes no others. One that somebody has written by hand stays as it is.
INSERT INTO "audit_events" (
    "created_at", "action", "entity", "credential_kind", "kind_ref", "person_ref", "credential_ref", "address_ref", "user_agent_ref", "id", "account_id",
    "entity_id", "request_uuid", "request_id"
)
SELECT e."created_at", e."action", e."entity", e."credential_kind", k."id", p."id", c."id", a."id", u."id", e."id", e."account_id", e."entity_id",
    CASE WHEN r."is_uuid" THEN e."request_id"::uuid END, CASE WHEN NOT r."is_uuid" THEN e."request_id" END
FROM "audit_events_before" e
CROSS JOIN LATERAL (SELECT e."request_id" ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AS "is_uuid") r
JOIN "audit_values" k ON k."account_id" = e."account_id" AND k."value" = e."action" || ' ' || e."entity"
LEFT JOIN "audit_values" p ON p."account_id" = e."account_id" AND p."value" = e."person_id"::text
LEFT JOIN "audit_values" c ON c."account_id" = e."account_id" AND c."value" = e."credential_id"::text
LEFT JOIN "audit_values" a ON a."account_id" = e."account_id" AND a."value" = e."address"
LEFT JOIN "audit_values" u ON u."account_id" = e."account_id" AND u."value" = e."user_agent"
ORDER BY e."created_at", e."id";

DROP TABLE "audit_events_before";

-- After the events, which is faster. All but the key's are without the id: a page gathers the events of one millisecond and sorts them.
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_pkey" PRIMARY KEY ("account_id", "created_at", "id");
CREATE INDEX "audit_events_entity_id_created_at_idx" ON "audit_events"("entity_id", "created_at");
CREATE INDEX "audit_events_person_ref_created_at_idx" ON "audit_events"("person_ref", "created_at");
CREATE INDEX "audit_events_kind_ref_created_at_idx" ON "audit_events"("kind_ref", "created_at");

CREATE TRIGGER "audit_events_take_values" BEFORE INSERT ON "audit_events" FOR EACH ROW
    WHEN (NEW."kind_ref" IS NULL OR num_nonnulls(NEW."person_id", NEW."credential_id", NEW."address", NEW."user_agent", NEW."request_id") > 0
        OR NEW."action" = 'UPLOAD_ARRIVED' AND NEW."person_ref" IS NULL)
    EXECUTE FUNCTION "audit_events_take_values"();

ANALYZE "audit_events";
