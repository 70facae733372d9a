import { z } from "zod";
import { Conflict, type FieldProblem, InvalidInput, invalid } from "../errors.ts";
import type { Origin } from "../viewer.ts";
import { isOperation, type OperationInput, type OperationName, readOperationInput } from "./input.ts";

/**
 * The version of what is said on the socket. It is raised when a request or an answer changes its meaning. An operation
 * or a field that one side does not know is refused by its name, without a new version.
 */
export const socketVersion = 1;

/** One request on the socket. */
export interface SocketRequest<Name extends OperationName = OperationName> {
  readonly origin: Origin;
  readonly operation: Name;
  readonly input: OperationInput<Name>;
}

/** What the gateway answers: a result of {@link OperationResults}, or why there is none. */
export type SocketAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: string; readonly message: string } };

const printable = (longest: number) =>
  z
    .string()
    .regex(/^\P{Cc}*$/u)
    .min(1)
    .max(longest);

const requestShape = z.strictObject({
  version: z.literal(socketVersion),
  /** How npm runs the command. The audit names it, with the user of the operating system. */
  program: printable(60),
  user: printable(100),
  operation: z.string(),
  input: z.unknown(),
});

/** Returns the body of a request, as {@link readSocketRequest} takes it. */
export function writeSocketRequest(
  { program, user }: { readonly program: string; readonly user: string },
  operation: OperationName,
  input: unknown,
): z.input<typeof requestShape> {
  return { version: socketVersion, program, user, operation, input };
}

/** Returns the origin that the audit records for a command of the operator. */
export function originOfOperator({ program, user }: { readonly program: string; readonly user: string }): Origin {
  return { address: null, userAgent: `${program} (${user})`, requestId: null };
}

/**
 * Returns what a request asks for. Throws {@link Conflict} if it is of a program of another version, and
 * {@link InvalidInput} if it is not valid.
 */
export function readSocketRequest(body: unknown): SocketRequest {
  const { version } = z.looseObject({ version: z.unknown() }).catch({ version: undefined }).parse(body);
  if (version !== socketVersion) throw new Conflict(otherVersion);
  const parsed = requestShape.safeParse(body);
  if (!parsed.success) throw new InvalidInput(parsed.error.issues.map(problemOfRequest));
  const { operation, input } = parsed.data;
  if (!isOperation(operation)) throw invalid("operation", otherVersion);
  return { origin: originOfOperator(parsed.data), operation, input: readOperationInput(operation, input) };
}

function problemOfRequest({ path, message }: z.core.$ZodIssue): FieldProblem {
  return { path: path.map(String), message: `The request is not valid: ${path.join(".")} (${message}).` };
}

const otherVersion = "The gateway that runs is of another version than this command: restart it with this version.";
