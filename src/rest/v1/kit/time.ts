import { LRUCache } from "lru-cache";
import { dayMs } from "../../../lib/clock.ts";

/** `instant` in a time zone, to the second, with the zone's offset at that time: `2016-03-12T11:33:00-06:00`. */
export type FormatTime = (instant: Date, timeZone: string) => string;

interface Offset {
  /** As it is written: `-06:00`. */
  readonly text: string;
  readonly milliseconds: number;
}

/** From here on zones differ by minutes, and not by their towns' noon. */
const firstDay = Date.UTC(1973, 0, 1) / dayMs;
/** Beyond it years take more than four digits. */
const lastDay = Date.UTC(9999, 11, 30) / dayMs;
/** How many days' offsets are known, each of one zone: ten years of them. */
const offsetCacheSize = 4_000;

/** Formats times, and knows what it has found out of zones and their days. */
export function createTimeFormatter(): FormatTime {
  const formats = new Map<string, Intl.DateTimeFormat>();
  const offsets = new LRUCache<string, Offset | "changes">({ max: offsetCacheSize });

  function formatOf(timeZone: string): Intl.DateTimeFormat {
    const known = formats.get(timeZone);
    if (known) return known;
    const format = makeFormat(timeZone) ?? formatOf("UTC");
    formats.set(timeZone, format);
    return format;
  }

  /**
   * The offset of all of an instant's day. Undefined where it changes on that day, or nothing is certain. To ask the formatter of every time would be
   * half of what a page of notes takes.
   */
  function offsetOfDay(instant: Date, timeZone: string): Offset | undefined {
    const day = Math.floor(instant.getTime() / dayMs);
    if (!(day >= firstDay && day < lastDay)) return undefined;
    const name = `${day} ${timeZone}`;
    const known = offsets.get(name);
    const offset = known ?? findOffset(day, formatOf(timeZone));
    if (known === undefined) offsets.set(name, offset);
    return offset === "changes" ? undefined : offset;
  }

  // The first one takes a tenth of a second, which no request should wait for.
  formatOf("UTC");
  return (instant, timeZone) => {
    const offset = offsetOfDay(instant, timeZone);
    if (offset === undefined) return formatExactly(instant, formatOf(timeZone));
    return `${new Date(instant.getTime() + offset.milliseconds).toISOString().slice(0, 19)}${offset.text}`;
  };
}

function findOffset(day: number, format: Intl.DateTimeFormat): Offset | "changes" {
  const [start, end] = [offsetAtStart(day, format), offsetAtStart(day + 1, format)];
  return start.milliseconds === end.milliseconds ? start : "changes";
}

function offsetAtStart(day: number, format: Intl.DateTimeFormat): Offset {
  const text = formatExactly(new Date(day * dayMs), format).slice(-6);
  const [hours = 0, minutes = 0] = text.slice(1).split(":").map(Number);
  return { text, milliseconds: (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000 };
}

function formatExactly(instant: Date, format: Intl.DateTimeFormat): string {
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
  // "GMT", "GMT-06:00", and with seconds before zones were standard.
  const offset = /[+-]\d{2}:\d{2}/.exec(part("timeZoneName"))?.[0] ?? "+00:00";
  const year = part("year").padStart(4, "0");
  return `${year}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}${offset}`;
}

/** Undefined where this machine knows no such zone: a time in UTC is as right, and an account must not become unreadable by its name. */
function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
      timeZoneName: "longOffset",
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const timeShape =
  /^(?!0000)\d{4}-\d{2}-\d{2}(?:T(?<clock>\d{2}:\d{2}(?::\d{2}(?<fraction>\.\d{1,9})?)?)(?<offset>Z|[+-]\d{2}:?\d{2})?)?$/i;

/** A stretch of time, with its start and without its end. */
export interface Moment {
  readonly start: Date;
  readonly end: Date;
}

/**
 * Returns the range of time that a time in a filter means. /v1 shows times to the second, so `11:33:00` means a whole second, and
 * a note is found by the time it is shown with. With a fraction it means a millisecond. A date means its first second; without an
 * offset it is UTC. Undefined if it is no time.
 */
export function readMoment(text: string): Moment | undefined {
  // The plus of an offset that was sent raw is a space by the rules of forms.
  const spelled = text.replace(/ (?=\d{2}:?\d{2}$)/, "+").replace(" ", "T");
  const groups = timeShape.exec(spelled)?.groups;
  if (groups === undefined) return undefined;
  const { clock, fraction, offset } = groups;
  const date = spelled.slice(0, 10);
  const start = new Date(`${date}T${clock ?? "00:00:00"}${(offset ?? "Z").toUpperCase()}`);
  if (Number.isNaN(start.getTime()) || !isDate(date)) return undefined;
  return { start, end: new Date(start.getTime() + (fraction === undefined ? 1000 : 1)) };
}

/** Whether a calendar has that day: JavaScript reads 31 April as 1 May. */
function isDate(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}
