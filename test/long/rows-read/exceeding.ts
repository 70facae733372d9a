/** The operations that read more than they may today, by the reason. They are named as in the failures of the test. */
const exceedingBy: readonly { readonly reason: string; readonly operations: readonly string[] }[] = [
  {
    reason:
      "The newest notes are internal in this account, and are read and dropped for a caller who sees public ones: the index by number lacks the visibility.",
    operations: [
      "notes(first: 25, orderBy: { field: NUMBER, direction: ASC })",
      "notes(filter: { medium: [OUTBOUND_EMAIL] }, orderBy: { field: NUMBER, direction: ASC })",
      'notes(filter: { createdAt: { gt: ":middle" } }, orderBy: { field: NUMBER, direction: ASC })',
      "/v1/notes",
      "/v1/notes?created_at=>:middle",
    ],
  },
  {
    reason:
      "No index has a customer's notes by author: all of theirs are read and sorted, or the author's notes on other people's tickets are dropped.",
    operations: [
      "notes(first: 25, orderBy: { field: AUTHOR, direction: ASC })",
      "/v1/notes?sort=person_id",
      "/v1/notes?sort=person_id,-id",
      "/v1/notes?sort=person_id,created_at",
      "/v1/notes?medium=!default&sort=person_id",
      "/v1/notes?created_at=>:middle&sort=person_id",
      "/v1/notes?person_id=:administrator&sort=id",
      "/v1/notes?person_id=:nobody",
      "/v1/notes?person_id=:administrator,:specialist",
    ],
  },
  {
    reason:
      "No index has the notes of an account by medium, or by number within a time: /v1 reads on, by up to 50,000 rows a statement, until the page is full.",
    operations: [
      "/v1/notes?medium=system",
      "/v1/notes?medium=outbound_email",
      "/v1/notes?medium=!default",
      "/v1/notes?medium=redacted,automation",
      "/v1/notes?medium=email&sort=created_at",
      "/v1/notes?medium=redacted&sort=created_at",
      "/v1/notes?created_at=<:early",
      "/v1/notes?medium=system&created_at=<:early",
    ],
  },
  {
    reason:
      "Entries of an index that do not meet a condition are passed over. They are those of one ticket, one author or one customer.",
    operations: [
      'notes(filter: { ids: [":note"] })',
      "/v1/notes?person_id=:specialist&medium=redacted",
      "/v1/requests/:number/notes?medium=redacted",
      "/v1/requests/:number/notes?person=:specialist",
      "/v1/requests/:number/notes?person=:nobody",
      "/v1/requests/:number/notes?person=:specialist&medium=redacted",
    ],
  },
  {
    reason: "No index has a customer's tickets by status, or the tickets of a kind by status and time.",
    operations: [
      "/v1/requests?sort=status",
      "/v1/requests?status=completed",
      "/v1/requests?status=declined",
      "/v1/requests?status=declined&sort=created_at",
      "/v1/risks",
    ],
  },
  {
    reason: "A total is counted until 100,001 rows meet the filter, however many do not.",
    operations: [
      "notes(filter: { categories: [PRE_SCAN] }), its total",
      "auditEvents, its total",
      "auditEvents(filter: { action: [DELETED] }), its total",
      "/v1/notes?person_id=:specialist",
      "/v1/notes?person_id=!:specialist",
    ],
  },
  {
    reason: "PostgreSQL expects so few rows of the account that it reads and sorts them.",
    operations: [
      "auditEvents(filter: { action: [EDITED] })",
      "auditEvents(filter: { action: [DELETED] })",
      "auditEvents(filter: { entity: [TICKET] })",
      "tickets(first: 25, orderBy: { field: NUMBER, direction: ASC })",
    ],
  },
  {
    reason: "The values of an event, which are rows of another table, are looked up for each event that is scanned.",
    operations: [
      'auditEvents(filter: { personId: ":customer", action: [DELETED] })',
      'auditEvents(filter: { personId: ":specialist", action: [EDITED] })',
    ],
  },
  {
    reason: "No index has the people of an account by number, name or address, and none the people that a customer has met.",
    operations: ["/v1/people", "/v1/people?sort=-id", "/v1/people?name=Nobody"],
  },
];

/** The reason for each operation that reads more than it may today. */
export const exceeding: ReadonlyMap<string, string> = new Map(
  exceedingBy.flatMap(({ reason, operations }) => operations.map((name) => [name, reason] as const)),
);
