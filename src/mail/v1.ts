import { columnContent } from "../query/model/selection.ts";
import { relatedRow } from "../rest/v1/kit/fields.ts";
import { inboundEmailEntity, inboundEmailOfNote } from "./relations.ts";

/** The field of a note with the email as which it was received: null if it did not come by mail. */
export const inboundEmail = relatedRow(inboundEmailOfNote, [
  { name: "id", content: columnContent(inboundEmailEntity, "number", "bare") },
  { name: "subject", content: columnContent(inboundEmailEntity, "subject", "json") },
]);
