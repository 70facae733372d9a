import { builder } from "../graphql/kit/builder.ts";
import { mutationErrors } from "../graphql/kit/errors.ts";
import { idempotencyKeyDescription, readIdempotencyKey } from "../graphql/kit/idempotency.ts";
import { readId } from "../graphql/kit/ids.ts";
import { omittable } from "../graphql/kit/omittable.ts";
import { PersonRef, RoleEnum } from "../people/graphql.ts";

/** What the payloads of these mutations are made of: the id of the person. */
interface ManagedPerson {
  readonly personId: string;
}

function personPayload(name: string, description: string) {
  return builder.objectRef<ManagedPerson>(name).implement({
    description,
    fields: (t) => ({
      person: t.rowByKey({
        type: PersonRef,
        description,
        key: ({ personId }) => personId,
        read: ({ people }) => people.byIds,
      }),
    }),
  });
}

const AddPersonInputRef = builder.inputType("AddPersonInput", {
  description: "The person to add.",
  fields: (t) => ({
    name: t.string({ required: true, description: "The person's full name: 1 to 255 characters, not blank." }),
    email: t.string({ required: true, description: "The person's email address, which no member of the account has." }),
    role: t.field({ type: RoleEnum, required: true, description: "The person's role in the account." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const UpdatePersonInputRef = builder.inputType("UpdatePersonInput", {
  description: "The person to update and their new values. A field that is omitted does not change. Null is not valid.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The person's global id or their UUID." }),
    name: t.string({
      description:
        "The person's full name: 1 to 255 characters, not blank. Only administrators of their home account change it.",
    }),
    email: t.string({
      description: "The person's email address. Only administrators of their home account change it.",
    }),
    role: t.field({ type: RoleEnum, description: "The person's role in the account." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const RemovePersonInputRef = builder.inputType("RemovePersonInput", {
  description: "The person to remove.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The person's global id or their UUID." }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const AddPersonPayload = personPayload("AddPersonPayload", "The person who was added.");
const UpdatePersonPayload = personPayload("UpdatePersonPayload", "The person after the update.");
const RemovePersonPayload = personPayload("RemovePersonPayload", "The person who was removed. Their role is null.");

const requirement = "Requires the role ADMINISTRATOR and the scope `people:manage`.";

builder.mutationFields((t) => ({
  addPerson: t.field({
    type: AddPersonPayload,
    description:
      "Adds a person to the viewer's account, which becomes their home account. A person who left their home account comes back " +
      "to it by their email address, with their notes; their old credentials stay revoked. The address of a member is a " +
      `CONFLICT. ${requirement}`,
    errors: mutationErrors,
    args: { input: t.arg({ type: AddPersonInputRef, required: true, description: "The person to add." }) },
    resolve: async (_root, { input }, context) => {
      const personId = await context.services.access.addPerson(context.viewer, {
        name: input.name,
        email: input.email,
        role: input.role,
        idempotencyKey: readIdempotencyKey("addPerson", input),
      });
      context.forget();
      return { personId };
    },
  }),
  updatePerson: t.field({
    type: UpdatePersonPayload,
    description:
      "Updates a person of the viewer's account. If nothing would change, nothing is written. Only administrators of a person's " +
      "home account may change their name and email address (FORBIDDEN). The last administrator keeps that role (CONFLICT). " +
      requirement,
    errors: mutationErrors,
    args: { input: t.arg({ type: UpdatePersonInputRef, required: true, description: "The person and their new values." }) },
    resolve: async (_root, { input }, context) => {
      const personId = readId("Person", input.id);
      await context.services.access.updatePerson(context.viewer, {
        id: personId,
        name: omittable("name", input.name),
        email: omittable("email", input.email),
        role: omittable("role", input.role),
        idempotencyKey: readIdempotencyKey("updatePerson", input),
      });
      context.forget();
      return { personId };
    },
  }),
  removePerson: t.field({
    type: RemovePersonPayload,
    description:
      "Removes a person from the viewer's account. Their API keys, OAuth clients and tokens of the account stop working within " +
      "one second, and are revoked permanently. Their notes and the tickets that they requested stay, under their name. To remove " +
      `a person again changes nothing. The last administrator cannot be removed (CONFLICT). ${requirement}`,
    errors: mutationErrors,
    args: { input: t.arg({ type: RemovePersonInputRef, required: true, description: "The person to remove." }) },
    resolve: async (_root, { input }, context) => {
      const personId = readId("Person", input.id);
      await context.services.access.removePerson(context.viewer, {
        id: personId,
        idempotencyKey: readIdempotencyKey("removePerson", input),
      });
      context.forget();
      return { personId };
    },
  }),
}));
