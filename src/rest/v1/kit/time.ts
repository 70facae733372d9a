import { LRUCache } from "lru-cache";
import { dayMs } from "../../../lib/clock.ts";

/**
 * Returns `instant` in a time zone, to the second, with the zone's offset at that time: `2016-03-12T11:33:00-06:00`.
 */
export type FormatTime = (instant: Date, timeZone: string) => string;

interface Offset {
  /** For example `-06:00`. */
  readonly text: string;
  readonly milliseconds: number;
}

/** The day, counted from 1970, from which on offsets are whole minutes. Some earlier ones are local mean time. */
const firstDay = Date.UTC(1973, 0, 1) / dayMs;
/** The last day, counted from 1970, whose year has four digits in every zone. */
const lastDay = Date.UTC(9999, 11, 30) / dayMs;
/** The number of cached offsets, each of one day in one zone. It is about ten years of one zone. */
const offsetCacheSize = 4_000;

/** Returns a formatter of times, which caches the offsets of zones by day. */
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
   * Returns the offset of the whole day of an instant, or undefined if it changes on that day or the day is outside the
   * known range. Without it, formatting the times would take half of the time of a page of notes.
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

  // Creating the first format takes a tenth of a second, for which no request should wait.
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
  // "GMT" or "GMT-06:00". Before standard time there may be seconds too.
  const offset = /[+-]\d{2}:\d{2}/.exec(part("timeZoneName"))?.[0] ?? "+00:00";
  const year = part("year").padStart(4, "0");
  return `${year}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}${offset}`;
}

/**
 * Returns the format of a time zone, or undefined if this machine does not know the zone. Times are then shown in UTC,
 * so that an unknown zone does not make an account unreadable.
 */
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

/** A range of time that includes its start and excludes its end. */
export interface Moment {
  readonly start: Date;
  readonly end: Date;
}

/**
 * Returns the range of a time in a filter, or undefined if the text is not a time. /v1 shows times to the second, so
 * `11:33:00` means a whole second, and a note is found by the time that is shown. A time with a fraction means a
 * millisecond, and a date means its first second. Without an offset the time is in UTC.
 */
export function readMoment(text: string): Moment | undefined {
  // Form decoding turns the plus of an unencoded offset into a space.
  const normalised = text.replace(/ (?=\d{2}:?\d{2}$)/, "+").replace(" ", "T");
  const groups = timeShape.exec(normalised)?.groups;
  if (groups === undefined) return undefined;
  const { clock, fraction, offset } = groups;
  const date = normalised.slice(0, 10);
  const start = new Date(`${date}T${clock ?? "00:00:00"}${(offset ?? "Z").toUpperCase()}`);
  if (Number.isNaN(start.getTime()) || !isDate(date)) return undefined;
  return { start, end: new Date(start.getTime() + (fraction === undefined ? 1000 : 1)) };
}

/** Returns whether the calendar has that day. JavaScript parses 31 April as 1 May. */
function isDate(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}
