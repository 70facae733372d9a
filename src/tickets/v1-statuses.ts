import type { TicketKind, TicketStatus } from "./service.ts";

/** The statuses of one kind of record on /v1, and how they map to ours. */
interface Statuses<Name extends string> {
  /** What each of ours is shown as. */
  readonly shown: Readonly<Record<TicketStatus, Name>>;
  /** What each of the family's becomes when a client sets it. */
  readonly set: Readonly<Record<Name, TicketStatus>>;
  /** The paths below the collection that list the records under way, and those that are done. */
  readonly open: readonly string[];
  readonly done: readonly string[];
}

/** Keeps the two directions of a kind to one list of names, which the compiler takes from `set`. */
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
 * The statuses of /v1 by the kind of record, as the family's published clients list them, and ours. It is the one place that maps them: a kind, a
 * status of ours that is missing here, or a name that is shown and cannot be set, does not compile. Where the family has fewer statuses than we do, two of ours are
 * shown as one; where it has more, several of its own become one of ours (docs/decisions/0095).
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

/** The statuses of ours by which records are done; all others are under way. */
const doneStatuses: ReadonlySet<TicketStatus> = new Set(["CLOSED", "CANCELLED"]);

/** What a status of ours is shown as on a record of that kind. */
export function shownStatuses(kind: TicketKind): Readonly<Record<TicketStatus, string>> {
  return v1Statuses[kind].shown;
}

/** What the name of a status means on a record of that kind; undefined where the kind has no such status. */
export function statusNamed(kind: TicketKind, name: string): TicketStatus | undefined {
  return new Map<string, TicketStatus>(Object.entries(v1Statuses[kind].set)).get(name);
}

/** The statuses of ours that are shown under each name that a record of that kind can have; none under a name that nothing is shown as. */
export function statusesByName(kind: TicketKind): Readonly<Record<string, readonly TicketStatus[]>> {
  const { set, shown } = v1Statuses[kind];
  const all = Object.entries(shown) as [TicketStatus, string][]; // Object.entries forgets its keys.
  return Object.fromEntries(
    Object.keys(set).map((name) => [name, all.filter(([, known]) => known === name).map(([status]) => status)]),
  );
}

/** The lists of records below a collection: the path of each, and the statuses of ours that it lists. */
export function statusLists(
  kind: TicketKind,
): readonly { readonly path: string; readonly statuses: readonly TicketStatus[] }[] {
  const { open, done, shown } = v1Statuses[kind];
  const all = Object.keys(shown) as TicketStatus[]; // as Object.entries above
  const listed = (paths: readonly string[], isDone: boolean) =>
    paths.map((path) => ({ path, statuses: all.filter((status) => doneStatuses.has(status) === isDone) }));
  return [...listed(open, false), ...listed(done, true)];
}
