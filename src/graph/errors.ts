import { errorCodes, type DomainError, Forbidden, type FieldProblem, InvalidInput, NotFound } from "../errors.ts";
import { builder } from "./builder.ts";

const descriptions: Record<(typeof errorCodes)[number], string> = {
  INVALID_INPUT: "Something that was sent cannot be used; nothing was written.",
  UNAUTHENTICATED: "The call needs a credential, or the one given is not valid.",
  FORBIDDEN: "You may see it, but not do this with it.",
  NOT_FOUND: "It does not exist, or you may not see it: the two are one answer.",
  TOO_LARGE: "More bytes were sent than are accepted.",
  TOO_EXPENSIVE:
    "The operation would cost more than one operation may. The message names the limit and the operation's own figure.",
  ANSWER_TOO_LARGE: "The answer would have more bytes than one answer may have. Ask for smaller pages or fewer fields.",
  TOO_MANY_REQUESTS: "The allowance is used up for now.",
  UNAVAILABLE: "The gateway cannot reach its data at the moment; worth trying again.",
};

const ErrorCode = builder.enumType("ErrorCode", {
  description: "What went wrong, for programs. The list is closed.",
  values: Object.fromEntries(errorCodes.map((code) => [code, { description: descriptions[code] }])) as Record<
    (typeof errorCodes)[number], // Object.fromEntries forgets its keys.
    { description: string }
  >,
});

const ErrorInterface = builder.interfaceRef<DomainError>("Error").implement({
  description:
    "A failure that is to be expected. Every error type has these fields, so a client can handle those it does not know.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCode, description: "What went wrong, for programs." }),
    message: t.exposeString("message", { description: "What went wrong and what to do, for people." }),
  }),
});

const InvalidInputField = builder.objectRef<FieldProblem>("InvalidInputField").implement({
  description: "A field of the input that cannot be used.",
  fields: (t) => ({
    path: t.stringList({
      description: "Where the field stands in the input, outermost name first.",
      resolve: (field) => [...field.path],
    }),
    message: t.exposeString("message", { description: "What it must be." }),
  }),
});

builder.objectType(InvalidInput, {
  name: "InvalidInputError",
  description: "Something that was sent cannot be used. Nothing was written.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    fields: t.field({
      type: [InvalidInputField],
      description: "Every field that was refused, not just the first.",
      resolve: (error) => [...error.fields],
    }),
  }),
});

builder.objectType(NotFound, {
  name: "NotFoundError",
  description: "It does not exist, or you may not see it: the two are one answer.",
  interfaces: [ErrorInterface],
});

builder.objectType(Forbidden, {
  name: "ForbiddenError",
  description: "You may see it, but not do this with it.",
  interfaces: [ErrorInterface],
});

/** The failures every mutation can meet, as members of its result union. */
export const mutationErrors = { types: [InvalidInput, NotFound, Forbidden] };
