import type { TicketKind, TicketStatus } from "./service.ts";

/** The mapping between the statuses of one kind of record on /v1 and the statuses of tickets. */
interface Statuses<Name extends string> {
  /** The /v1 status that is shown for each status of a ticket. */
  readonly shown: Readonly<Record<TicketStatus, Name>>;
  /** The status of the ticket that each /v1 status sets. */
  readonly set: Readonly<Record<Name, TicketStatus>>;
  /** The paths below the collection that list the open records. */
  readonly open: readonly string[];
  /** The paths below the collection that list the completed records. */
  readonly done: readonly string[];
}

/** Returns `kind`. The compiler infers the names from `set` and checks `shown` against them. */
function statuses<const Name extends string>(kind: {
  readonly set: Readonly<Record<Name, TicketStatus>>;
  readonly shown: Readonly<Record<TicketStatus, NoInfer<Name>>>;
  readonly open: readonly string[];
  readonly done: readonly string[];
}): Statuses<Name> {
  return kind;
}

const workflow = statuses({
  set: {
    being_created: "PREPARED",
    registered: "PENDING",
    in_progress: "IN_PROGRESS",
    progress_halted: "OUTSOURCED",
    completed: "CLOSED",
  },
  shown: {
    PREPARED: "being_created",
    PENDING: "registered",
    IN_PROGRESS: "in_progress",
    OUTSOURCED: "progress_halted",
    CLOSED: "completed",
    CANCELLED: "completed",
  },
  open: ["open"],
  done: ["completed"],
});

/**
 * The mapping of statuses for each kind of record on /v1. The names are those in the published clients of this API
 * family. A missing kind, a missing status of tickets, or a shown name that cannot be set does not compile. If /v1 has
 * fewer statuses than tickets have, two of theirs are shown as one; if it has more, several of its names set the same
 * status (docs/decisions/0095).
 */
const v1Statuses = {
  REQUEST: statuses({
    set: {
      declined: "CANCELLED",
      on_backlog: "PREPARED",
      assigned: "PENDING",
      accepted: "PENDING",
      in_progress: "IN_PROGRESS",
      waiting_for: "OUTSOURCED",
      waiting_for_customer: "PENDING",
      reservation_pending: "PENDING",
      workflow_pending: "PENDING",
      project_pending: "PENDING",
      completed: "CLOSED",
    },
    shown: {
      PREPARED: "on_backlog",
      PENDING: "assigned",
      IN_PROGRESS: "in_progress",
      OUTSOURCED: "waiting_for",
      CLOSED: "completed",
      CANCELLED: "declined",
    },
    open: ["open"],
    done: ["completed"],
  }),
  PROBLEM: statuses({
    set: {
      declined: "CANCELLED",
      on_backlog: "PREPARED",
      assigned: "PENDING",
      accepted: "PENDING",
      in_progress: "IN_PROGRESS",
      waiting_for: "OUTSOURCED",
      analyzed: "IN_PROGRESS",
      change_requested: "PENDING",
      workflow_pending: "PENDING",
      project_pending: "PENDING",
      progress_halted: "PENDING",
      solved: "CLOSED",
    },
    shown: {
      PREPARED: "on_backlog",
      PENDING: "assigned",
      IN_PROGRESS: "in_progress",
      OUTSOURCED: "waiting_for",
      CLOSED: "solved",
      CANCELLED: "declined",
    },
    open: ["open", "active"],
    done: ["completed", "solved"],
  }),
  WORKFLOW: workflow,
  RELEASE: workflow,
  TASK: statuses({
    set: {
      registered: "PREPARED",
      declined: "CANCELLED",
      assigned: "PENDING",
      accepted: "PENDING",
      in_progress: "IN_PROGRESS",
      waiting_for: "OUTSOURCED",
      waiting_for_customer: "PENDING",
      request_pending: "PENDING",
      failed: "CANCELLED",
      rejected: "CANCELLED",
      completed: "CLOSED",
      approved: "CLOSED",
      canceled: "CANCELLED",
    },
    shown: {
      PREPARED: "registered",
      PENDING: "assigned",
      IN_PROGRESS: "in_progress",
      OUTSOURCED: "waiting_for",
      CLOSED: "completed",
      CANCELLED: "canceled",
    },
    open: ["open"],
    done: ["completed", "finished"],
  }),
  PROJECT_TASK: statuses({
    set: {
      registered: "PREPARED",
      assigned: "PENDING",
      accepted: "PENDING",
      in_progress: "IN_PROGRESS",
      waiting_for: "OUTSOURCED",
      failed: "CANCELLED",
      rejected: "CANCELLED",
      completed: "CLOSED",
      approved: "CLOSED",
      canceled: "CANCELLED",
    },
    shown: {
      PREPARED: "registered",
      PENDING: "assigned",
      IN_PROGRESS: "in_progress",
      OUTSOURCED: "waiting_for",
      CLOSED: "completed",
      CANCELLED: "canceled",
    },
    open: ["open"],
    done: ["completed", "finished"],
  }),
  PROJECT: statuses({
    set: { registered: "PENDING", in_progress: "IN_PROGRESS", progress_halted: "OUTSOURCED", completed: "CLOSED" },
    shown: {
      PREPARED: "registered",
      PENDING: "registered",
      IN_PROGRESS: "in_progress",
      OUTSOURCED: "progress_halted",
      CLOSED: "completed",
      CANCELLED: "completed",
    },
    open: ["open"],
    done: ["completed"],
  }),
  RISK: statuses({
    set: { anticipated: "PENDING", materialized: "IN_PROGRESS", closed: "CLOSED" },
    shown: {
      PREPARED: "anticipated",
      PENDING: "anticipated",
      IN_PROGRESS: "materialized",
      OUTSOURCED: "materialized",
      CLOSED: "closed",
      CANCELLED: "closed",
    },
    open: ["open"],
    done: ["completed", "closed"],
  }),
} as const satisfies Readonly<Record<TicketKind, Statuses<string>>>;

/** The statuses of completed tickets. All other tickets are open. */
const doneStatuses: ReadonlySet<TicketStatus> = new Set(["CLOSED", "CANCELLED"]);

/** Returns the /v1 name of each status on records of that kind. */
export function shownStatuses(kind: TicketKind): Readonly<Record<TicketStatus, string>> {
  return v1Statuses[kind].shown;
}

/** Returns the status that a /v1 name sets on records of that kind, or undefined if the kind has no such name. */
export function statusNamed(kind: TicketKind, name: string): TicketStatus | undefined {
  return new Map<string, TicketStatus>(Object.entries(v1Statuses[kind].set)).get(name);
}

/**
 * Returns the statuses that are shown under each /v1 name of that kind. The list is empty for a name that is only set.
 */
export function statusesByName(kind: TicketKind): Readonly<Record<string, readonly TicketStatus[]>> {
  const { set, shown } = v1Statuses[kind];
  const all = Object.entries(shown) as [TicketStatus, string][]; // Object.entries loses the type of the keys
  return Object.fromEntries(
    Object.keys(set).map((name) => [name, all.filter(([, known]) => known === name).map(([status]) => status)]),
  );
}

/** Returns the lists below the collection of that kind: the path of each, and the statuses of its tickets. */
export function statusLists(
  kind: TicketKind,
): readonly { readonly path: string; readonly statuses: readonly TicketStatus[] }[] {
  const { open, done, shown } = v1Statuses[kind];
  const all = Object.keys(shown) as TicketStatus[]; // as Object.entries above
  const listed = (paths: readonly string[], isDone: boolean) =>
    paths.map((path) => ({ path, statuses: all.filter((status) => doneStatuses.has(status) === isDone) }));
  return [...listed(open, false), ...listed(done, true)];
}
