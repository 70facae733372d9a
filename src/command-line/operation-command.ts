import { type OperationInput, type OperationName, readOperationInput } from "../administration/input.ts";
import type { ResultOfOperation } from "../administration/service.ts";
import { invalid } from "../errors.ts";
import type { CommandWork, GivenOptions, OperationCall, OptionName, Shown } from "./definition.ts";

/** Options whose value is a list, separated by commas. */
const listOptions: ReadonlySet<string> = new Set<OptionName>(["scopes", "languages"]);

/** Returns the input of an operation that the options name. Throws `InvalidInput`. */
function inputOf<Name extends OperationName>(name: Name, { id, text, flags }: GivenOptions): OperationInput<Name> {
  const values = Object.entries(text).map(([option, value]) => [option, listOptions.has(option) ? listIn(value) : value]);
  const isNeverExpiring = name.endsWith(".change") && text.expires === "never";
  return readOperationInput(name, {
    ...(id !== undefined && { id }),
    ...Object.fromEntries(values),
    ...(isNeverExpiring && { expires: null }),
    ...(flags.has("ownAccountOnly") && { ownAccountOnly: true }),
  });
}

/** Returns how a command reads its arguments that does one operation and shows its result. */
export function doing<Name extends OperationName>(
  name: Name,
  show: (result: ResultOfOperation<Name>) => Shown,
): (given: GivenOptions) => CommandWork {
  return (given) => {
    const input = inputOf(name, given);
    return async (call) => show(await call(name, input));
  };
}

type ListOperation = Extract<OperationName, `${string}.list`>;
type RowOf<Name extends ListOperation> = ResultOfOperation<Name>["rows"][number];

/** Returns how a command reads its arguments that listOptions all rows, page by page. */
export function listing<Name extends ListOperation>(
  name: Name,
  show: (rows: readonly RowOf<Name>[]) => Shown,
): (given: GivenOptions) => CommandWork {
  return (given) => {
    const input = inputOf(name, given);
    return async (call) => show(await allRows(call, name, input));
  };
}

/** Returns the rows of all pages of a list. */
export async function allRows<Name extends ListOperation>(
  call: OperationCall,
  name: Name,
  input: OperationInput<Name>,
): Promise<RowOf<Name>[]> {
  const rows: RowOf<Name>[] = [];
  let after: string | undefined;
  do {
    const page = await call(name, { ...input, after });
    rows.push(...page.rows);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return rows;
}

/** Returns the items of a list. Throws `InvalidInput` if one is empty. */
export function listIn(value: string): string[] {
  const items = value.split(",").map((item) => item.trim());
  if (items.some((item) => item === "")) throw invalid("list", `${JSON.stringify(value)} has an item that is empty.`);
  return items;
}
