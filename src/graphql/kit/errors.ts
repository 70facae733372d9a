import { Conflict, errorCodes, type DomainError, Forbidden, type FieldProblem, InvalidInput, NotFound } from "../../errors.ts";
import { builder } from "./builder.ts";

const descriptions: Record<(typeof errorCodes)[number], string> = {
  INVALID_INPUT: "A value in the request is not valid. Nothing was changed.",
  UNAUTHENTICATED: "The request has no credential, or its credential is not valid.",
  FORBIDDEN: "The viewer may read the object but not do this with it, or the credential lacks a scope.",
  NOT_FOUND: "The object does not exist, or the viewer may not see it. The error does not tell which.",
  CHANGED:
    "The object is not in the version that the input expects, because somebody has changed it. The error has the object as it is " +
    "now. Nothing was changed.",
  CONFLICT:
    "What the input asks for contradicts what is there, or what another request does at the moment. The message says which. " +
    "Nothing was changed.",
  TOO_LARGE: "The request or the file has more bytes than the gateway accepts.",
  TOO_EXPENSIVE:
    "The operation exceeds a limit of one operation, such as points, depth or fields. The message has the limit and the " +
    "operation's value. Nothing was executed.",
  ANSWER_TOO_LARGE:
    "The response would exceed the maximum size of a response. Request smaller pages or fewer fields. A mutation may have been " +
    "executed.",
  TOO_MANY_REQUESTS: "The rate limit is reached. The header `retry-after` says after how many seconds to try again.",
  UNAVAILABLE:
    "The gateway cannot reach its database or file storage now. Try again after the seconds in the header `retry-after`.",
};

const ErrorCodeRef = builder.enumType("ErrorCode", {
  description: "The kinds of expected errors. Clients should also handle codes that later versions add.",
  values: Object.fromEntries(errorCodes.map((code) => [code, { description: descriptions[code] }])) as Record<
    (typeof errorCodes)[number], // Object.fromEntries forgets its keys.
    { description: string }
  >,
});

/** The interface of all error types. */
export const ErrorInterface = builder.interfaceRef<DomainError>("Error").implement({
  description:
    "An expected error. All error types implement this interface, so that a client can handle types that later versions add.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeRef, description: "The kind of error, for programs." }),
    message: t.exposeString("message", { description: "What went wrong and what to do about it: English text for people." }),
  }),
});

const InvalidInputField = builder.objectRef<FieldProblem>("InvalidInputField").implement({
  description: "A field of the input that is not valid.",
  fields: (t) => ({
    path: t.stringList({
      description: "The path to the field in the input: the outermost name first.",
      resolve: (field) => [...field.path],
    }),
    message: t.exposeString("message", { description: "What the value must be: English text for people." }),
  }),
});

builder.objectType(InvalidInput, {
  name: "InvalidInputError",
  description: "The input is not valid. Nothing was changed.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    fields: t.field({
      type: [InvalidInputField],
      description: "All fields that are not valid, not only the first.",
      resolve: (error) => [...error.fields],
    }),
  }),
});

builder.objectType(NotFound, {
  name: "NotFoundError",
  description: "The object does not exist, or the viewer may not see it. The error does not tell which.",
  interfaces: [ErrorInterface],
});

builder.objectType(Forbidden, {
  name: "ForbiddenError",
  description: "The viewer may read the object but not do this with it, or the credential lacks a scope.",
  interfaces: [ErrorInterface],
});

builder.objectType(Conflict, {
  name: "ConflictError",
  description:
    "What the input asks for contradicts what is there, or what another request does at the moment. Nothing was changed.",
  interfaces: [ErrorInterface],
});

/** The failures every mutation can meet, as members of its result union. */
export const mutationErrors = { types: [InvalidInput, NotFound, Forbidden, Conflict] };
