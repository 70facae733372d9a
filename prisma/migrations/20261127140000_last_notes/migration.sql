-- Compatible with: 20261127100100_versions_of_notes
--
-- Beside the number of a ticket's notes: when the last one of all, and the last public one, was added. Lists of tickets are sorted by it. The requester is
-- the ticket's, so that an index has a customer's tickets in this order. The time of no note is -infinity and not null, as comparisons of rows have no null.

-- AlterTable
ALTER TABLE "note_counts" ADD COLUMN     "last_note_at" TIMESTAMPTZ(3) NOT NULL DEFAULT '-infinity',
ADD COLUMN     "last_public_note_at" TIMESTAMPTZ(3) NOT NULL DEFAULT '-infinity',
ADD COLUMN     "requester_id" UUID;


-- From here on by hand: what schema.prisma cannot say.

-- The time of the newest note that a ticket has, of all or of the public ones. Comparisons of rows and the order leave one index that serves it.
CREATE FUNCTION "newest_note_at"(account UUID, ticket UUID, of_public BOOLEAN) RETURNS TIMESTAMPTZ LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF of_public THEN
        RETURN coalesce((
            SELECT n.created_at FROM notes n
            WHERE n.account_id = account AND (n.ticket_id, 0) >= (ticket, 0) AND (n.ticket_id, 0) <= (ticket, 0) AND n.is_public
            ORDER BY n.ticket_id DESC, n.created_at DESC LIMIT 1), '-infinity');
    END IF;
    RETURN coalesce((
        SELECT n.created_at FROM notes n
        WHERE n.account_id = account AND (n.ticket_id, 0) >= (ticket, 0) AND (n.ticket_id, 0) <= (ticket, 0)
        ORDER BY n.ticket_id DESC, n.created_at DESC LIMIT 1), '-infinity');
END
$$;

-- Keeps counts and times in the statement that writes notes, whoever sends it. The rows are changed in one order, so that two statements that write to the
-- same tickets cannot wait for each other. A note that is added can only be newer. If the newest one goes, the next one is looked for after the row is locked:
-- whoever wrote to the ticket before has committed then, and a new statement sees it.
CREATE OR REPLACE FUNCTION "notes_count"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changes REFCURSOR;
    change RECORD;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO note_counts AS c (account_id, ticket_id, requester_id, public_notes, internal_notes, last_note_at, last_public_note_at)
        SELECT account_id, ticket_id, (array_agg(requester_id))[1], count(*) FILTER (WHERE is_public), count(*) FILTER (WHERE NOT is_public),
            max(created_at), coalesce(max(created_at) FILTER (WHERE is_public), '-infinity')
        FROM added GROUP BY account_id, ticket_id ORDER BY account_id, ticket_id
        ON CONFLICT (account_id, ticket_id) DO UPDATE
            SET public_notes = c.public_notes + excluded.public_notes, internal_notes = c.internal_notes + excluded.internal_notes,
                last_note_at = greatest(c.last_note_at, excluded.last_note_at),
                last_public_note_at = greatest(c.last_public_note_at, excluded.last_public_note_at);
        RETURN NULL;
    END IF;

    IF TG_OP = 'DELETE' THEN
        OPEN changes FOR
            SELECT account_id, ticket_id,
                -count(*) FILTER (WHERE is_public) AS public_change, -count(*) FILTER (WHERE NOT is_public) AS internal_change,
                max(created_at) AS went, max(created_at) FILTER (WHERE is_public) AS public_went,
                NULL::timestamptz AS came, NULL::timestamptz AS public_came
            FROM removed GROUP BY account_id, ticket_id ORDER BY account_id, ticket_id;
    ELSE
        OPEN changes FOR
            SELECT * FROM (
                SELECT account_id, ticket_id,
                    coalesce(sum(step) FILTER (WHERE is_public), 0) AS public_change, coalesce(sum(step) FILTER (WHERE NOT is_public), 0) AS internal_change,
                    max(created_at) FILTER (WHERE step < 0) AS went, max(created_at) FILTER (WHERE step < 0 AND is_public) AS public_went,
                    max(created_at) FILTER (WHERE step > 0) AS came, max(created_at) FILTER (WHERE step > 0 AND is_public) AS public_came
                FROM (
                    SELECT account_id, ticket_id, is_public, created_at, 1 AS step FROM added
                    UNION ALL SELECT account_id, ticket_id, is_public, created_at, -1 FROM removed
                ) steps
                GROUP BY account_id, ticket_id
            ) summed
            WHERE public_change <> 0 OR internal_change <> 0 OR went IS DISTINCT FROM came OR public_went IS DISTINCT FROM public_came
            ORDER BY account_id, ticket_id;
    END IF;

    LOOP
        FETCH changes INTO change;
        EXIT WHEN NOT FOUND;
        PERFORM FROM note_counts WHERE account_id = change.account_id AND ticket_id = change.ticket_id FOR NO KEY UPDATE;
        UPDATE note_counts c
        SET public_notes = c.public_notes + change.public_change,
            internal_notes = c.internal_notes + change.internal_change,
            last_note_at = CASE WHEN change.went >= c.last_note_at THEN newest_note_at(c.account_id, c.ticket_id, false)
                ELSE greatest(c.last_note_at, change.came) END,
            last_public_note_at = CASE WHEN change.public_went >= c.last_public_note_at THEN newest_note_at(c.account_id, c.ticket_id, true)
                ELSE greatest(c.last_public_note_at, change.public_came) END
        WHERE c.account_id = change.account_id AND c.ticket_id = change.ticket_id;
    END LOOP;
    CLOSE changes;
    RETURN NULL;
END
$$;
