import type { DomainError } from "../../errors.ts";

/**
 * The database cannot write this result as JSON. The caller reads rows instead, and these give the value or the error.
 */
export class UnsupportedAsJson extends Error {
  /** `cause` is the error of the policy that refused the read, if a policy did. */
  constructor(cause?: DomainError) {
    super("The database cannot write this result as JSON.", { cause });
  }
}
