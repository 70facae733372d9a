/**
 * Returns a statement that writes the rows of note_counts as the triggers would have left them, for a bulk load without
 * triggers. `where` is a condition on tickets as `t`.
 */
export function fillNoteCounts(where = "true"): string {
  return `
    INSERT INTO note_counts (account_id, ticket_id, requester_id, public_notes, internal_notes, last_note_at, last_public_note_at)
    SELECT t.account_id, t.id, t.requester_id, count(n.id) FILTER (WHERE n.is_public), count(n.id) FILTER (WHERE NOT n.is_public),
      coalesce(max(n.created_at), '-infinity'), coalesce(max(n.created_at) FILTER (WHERE n.is_public), '-infinity')
    FROM tickets t LEFT JOIN notes n ON n.account_id = t.account_id AND n.ticket_id = t.id
    WHERE ${where} GROUP BY t.account_id, t.id
    ON CONFLICT (account_id, ticket_id) DO UPDATE SET public_notes = excluded.public_notes, internal_notes = excluded.internal_notes,
      last_note_at = excluded.last_note_at, last_public_note_at = excluded.last_public_note_at`;
}

/** As {@link fillNoteCounts}, for the rows of ticket_authors. `where` is a condition on notes as `n`. */
export function fillTicketAuthors(where = "true"): string {
  return `
    INSERT INTO ticket_authors (account_id, ticket_id, is_public, author_number, requester_id)
    SELECT DISTINCT n.account_id, n.ticket_id, n.is_public, n.author_number, n.requester_id FROM notes n WHERE ${where}
    ON CONFLICT DO NOTHING`;
}
