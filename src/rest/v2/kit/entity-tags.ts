import { hash } from "node:crypto";
import { uncodedTag } from "../../../http/kit/content-coding.ts";

/** How many characters of the hash of a body are in its entity tag: 96 bits. */
const hashLength = 16;

/** An object in one of its versions. */
export interface Versioned {
  /** The id of the object, a UUID. */
  readonly id: string;
  readonly version: number;
}

/**
 * Returns the strong entity tag (RFC 9110, 8.8.3) of `body`, which shows an object in that version. It differs if
 * anything in the body does, such as the name of another object.
 */
export function entityTag({ id, version }: Versioned, body: string): string {
  return `"${version}-${partOf(id)}-${hash("sha256", body, "base64url").slice(0, hashLength)}"`;
}

/**
 * Returns the versions that an If-Match header (RFC 9110, 13.1.1) accepts for the object `id`, or undefined if it
 * accepts any version. Only strong tags of this object match, so a header without one returns no version.
 */
export function versionsIn(ifMatch: string | undefined, id: string): readonly number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === "*") return undefined;
  return tagsIn(ifMatch).flatMap((tag) => {
    const [, version, part] = /^"([1-9]\d{0,8})-([\da-f]+)-[\w-]+"$/.exec(tag) ?? [];
    return part === partOf(id) ? [Number(version)] : [];
  });
}

/**
 * Returns the tag by which an If-None-Match header (RFC 9110, 13.1.2) names the body of `tag`, which is strong and
 * without a content coding. It is `tag` itself, or that of the body under the coding in which the client has it. Weak
 * tags match too.
 */
export function namedTag(tag: string, ifNoneMatch: string | undefined): string | undefined {
  if (ifNoneMatch === undefined) return undefined;
  if (ifNoneMatch.trim() === "*") return tag;
  return tagsIn(ifNoneMatch)
    .map((named) => named.replace(/^W\//, ""))
    .find((named) => uncodedTag(named) === tag);
}

/** The part of an object's tags that tells them from those of other objects: the random end of its id. */
function partOf(id: string): string {
  return id.slice(-12).toLowerCase();
}

const entityTagPattern = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
const listOfTags = new RegExp(String.raw`^[ \t]*${entityTagPattern}(?:[ \t]*,[ \t]*${entityTagPattern})*[ \t]*$`);

/** Returns the entity tags of a header, or none if the header is no list of them. */
function tagsIn(header: string): readonly string[] {
  return listOfTags.test(header) ? (header.match(new RegExp(entityTagPattern, "g")) ?? []) : [];
}
