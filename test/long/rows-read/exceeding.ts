/** The operations that read more than they may today, by the reason. They are named as in the failures of the test. */
const exceedingBy: readonly { readonly reason: string; readonly operations: readonly string[] }[] = [
  {
    reason:
      "The newest notes are internal in this account, and are read and dropped for a caller who sees public ones: the index by number lacks the visibility.",
    operations: [
      "notes(first: 25, orderBy: { field: NUMBER, direction: ASC })",
      "notes(filter: { medium: [OUTBOUND_EMAIL] }, orderBy: { field: NUMBER, direction: ASC })",
      'notes(filter: { createdAt: { gt: ":middle" } }, orderBy: { field: NUMBER, direction: ASC })',
    ],
  },
  {
    reason: "No index has a customer's notes by author: all of theirs are read and sorted.",
    operations: ["notes(first: 25, orderBy: { field: AUTHOR, direction: ASC })"],
  },
  {
    reason: "The second step of /v1 reads up to 50,000 rows by an index that few rows meet, to pass no newer ones.",
    operations: [
      "/v1/notes?sort=person_id,-id",
      "/v1/notes?created_at=<:early",
      "/v1/notes?medium=system&created_at=<:early",
      "/v1/notes?created_at=>:middle&sort=person_id",
    ],
  },
  {
    reason: "No index has the notes of an author by time: all that equal the last one in the first key are read and sorted.",
    operations: ["/v1/notes?sort=person_id,created_at"],
  },
  {
    reason: "/v1 counts its entries, however many rows are read for that; PostgreSQL chooses how.",
    operations: [
      "/v1/notes?medium=!default&sort=person_id",
      "/v1/notes?person_id=:specialist",
      "/v1/notes?person_id=!:specialist",
      "/v1/notes?person_id=:administrator,:specialist",
    ],
  },
  {
    reason:
      "Entries of an index that do not meet a condition are passed over. They are those of one ticket, one author or one customer.",
    operations: [
      'notes(filter: { ids: [":note"] })',
      "/v1/notes?medium=outbound_email",
      "/v1/notes?medium=redacted,automation",
      "/v1/notes?person_id=:specialist&medium=redacted",
      "/v1/requests/:number/notes?medium=redacted",
      "/v1/requests/:number/notes?person=:nobody",
      "/v1/requests/:number/notes?person=:specialist&medium=redacted",
    ],
  },
  {
    reason: "Each row that is read in the order of another table, note_counts or note_updates, is a row of that table too.",
    operations: [
      "notes(filter: { categories: [PRE_SCAN] }, orderBy: { field: UPDATED_AT, direction: DESC })",
      "tickets(filter: { status: [CANCELLED] }, orderBy: { field: LAST_NOTE_AT, direction: DESC })",
      'tickets(filter: { requesterId: ":customer" }, orderBy: { field: LAST_NOTE_AT, direction: DESC })',
    ],
  },
  {
    reason: "There is an index range for each kind of entity, and each partition is asked for its next event of it.",
    operations: ['auditEvents(filter: { personId: ":customer", action: [DELETED] })'],
  },
  {
    reason: "GraphQL reads up to 1,000,000 rows to count those that meet a filter which no index holds.",
    operations: ["notes(filter: { categories: [PRE_SCAN] }), its total"],
  },
  {
    reason: "PostgreSQL counts all events by reading the table, in which another account has some as well.",
    operations: ["auditEvents, its total"],
  },
  {
    reason: "All whom a customer has met are read for a page of them, up to 5,000.",
    operations: ["people(first: 25)", "people(last: 25)", "people(filter: { role: [SPECIALIST] })"],
  },
  {
    reason: "A name is looked for among 5,000 people, and each is looked up by their membership.",
    operations: ['people(filter: { query: "nobody" })'],
  },
  {
    reason: "People are counted by their memberships, and whom a customer has met by the notes.",
    operations: ["people, its total"],
  },
  {
    reason: "/v1 shows withdrawn notes as well, and reads as many of them as of notes.",
    operations: ["/v1/notes?page=100", "/v1/notes?medium=system"],
  },
  {
    reason: "Each edit is read with the state before it and the one after it, which are three rows.",
    operations: ['note(id: ":edited") { edits(first: 25) :fields }', 'note(id: ":edited") { edits(last: 25) :fields }'],
  },
  {
    reason:
      "Where a ticket has one in fifty notes of a small account, PostgreSQL reads all of them to find those of the ticket.",
    operations: ['searchNotes(query: "decided", filter: { ticketId: ":ticket" })'],
  },
  {
    reason: "A search with a filter compares the newest 5,000 matches with it, and reads each of them for that.",
    operations: ['searchNotes(query: "decided", filter: { medium: [SYSTEM] })'],
  },
  {
    reason: "A customer may see the people whom they have met, who are looked for among the notes on their tickets.",
    operations: ['ticket(id: ":ticket") { account { people(first: 25) :fields } }'],
  },
  {
    reason: "/v1 counts the people of the account, and a name is looked for among all of them.",
    operations: ["/v1/people", "/v1/people?sort=-id", "/v1/people?name=Nobody"],
  },
];

/** The reason for each operation that reads more than it may today. */
export const exceeding: ReadonlyMap<string, string> = new Map(
  exceedingBy.flatMap(({ reason, operations }) => operations.map((name) => [name, reason] as const)),
);
