import { type DocumentNode, GraphQLError, Kind, visit } from "graphql";
import { type FieldProblem, InvalidInput } from "../../errors.ts";
import { isTooDeep, maximumJsonDepth } from "../../lib/json-shape.ts";
import { documentLimits } from "../kit/document-limits.ts";
import type { Variables } from "./limits.ts";

/**
 * Checks the size of variables before anything reads them.
 *
 * Throws {@link InvalidInput} if they are nested deeper than any input, if a list or an object has more members than
 * any argument takes, or if the name of a member is longer than any name in a document.
 */
export function checkVariables(variables: Variables): void {
  const problems: FieldProblem[] = [];
  for (const name in variables) {
    const value = variables[name];
    if (typeof value !== "object" || value === null) continue;
    if (isTooDeep(value))
      problems.push({ path: [name], message: `The variable is nested more than ${maximumJsonDepth} levels deep.` });
    else addTooLarge(problems, [name], value);
  }
  if (problems.length > 0) throw new InvalidInput(problems.slice(0, maxVariableProblems));
}

/** The maximum length of a list in any argument. If an argument takes fewer values, its resolver checks that. */
const maximumListLength = 1_000;

/**
 * The maximum number of members of an object. The largest input has less than a third of it, and an error would list
 * all of them.
 */
const maximumObjectSize = 100;

/** The maximum number of problems in one error. */
const maxVariableProblems = 10;

function addTooLarge(problems: FieldProblem[], path: readonly string[], value: object): void {
  if (problems.length >= maxVariableProblems) return;
  if (Array.isArray(value) && value.length > maximumListLength) {
    problems.push({ path, message: tooMany(value.length) });
    return;
  }
  const names = Array.isArray(value) ? [] : Object.keys(value);
  if (names.length > maximumObjectSize) {
    problems.push({ path, message: `The object has ${names.length} fields; at most ${maximumObjectSize} are taken.` });
    return;
  }
  const longName = names.find(isLongName);
  if (longName !== undefined) {
    const message = `The name of a field has ${longName.length} characters; at most ${documentLimits.nameCharacters} are taken.`;
    problems.push({ path, message });
    return;
  }
  for (const [name, part] of Object.entries(value) as [string, unknown][])
    if (typeof part === "object" && part !== null) addTooLarge(problems, Array.isArray(value) ? path : [...path, name], part);
}

function isLongName(name: string): boolean {
  return name.length > documentLimits.nameCharacters;
}

/** Returns the error of a list in `document` that is too long, or undefined. */
export function longListIn(document: DocumentNode): GraphQLError | undefined {
  let found: GraphQLError | undefined;
  visit(document, {
    [Kind.ARGUMENT]: ({ name, value }) => {
      visit(value, {
        [Kind.LIST]: ({ values }) => {
          if (found || values.length <= maximumListLength) return;
          const message = tooMany(values.length);
          found = new GraphQLError(message, {
            originalError: new InvalidInput([{ path: [name.value], message }]),
          });
        },
      });
      // The inner visit has seen everything in the value.
      return false;
    },
  });
  return found;
}

function tooMany(count: number): string {
  return `The list has ${count} values; at most ${maximumListLength} are taken.`;
}
