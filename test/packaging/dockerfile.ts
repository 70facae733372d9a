import { readFileSync } from "node:fs";
import { DockerfileParser, type Instruction, ModifiableInstruction, PropertyInstruction } from "dockerfile-ast";

/** One instruction of a Dockerfile. */
export interface Step {
  /** In capitals. */
  readonly instruction: string;
  /** Such as `from` of `COPY --from=build`. */
  readonly flags: Readonly<Record<string, string>>;
  /** What comes behind the flags, on one line. */
  readonly text: string;
  /** The words of a command in its JSON form, such as those of `CMD ["node", "…"]`. */
  readonly words: readonly string[] | undefined;
  /** The variables of ENV. */
  readonly variables: readonly (readonly [name: string, value: string])[];
}

/** One stage: what it begins from, and its other instructions. */
export interface Stage {
  /** An image, or the name of an earlier stage. */
  readonly base: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

/** Returns the stages of a Dockerfile in their order. */
export function readStages(path: string): readonly Stage[] {
  const stages: { base: string; name: string | undefined; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(readFileSync(path, "utf8")).getInstructions()) {
    const step = stepOf(instruction);
    if (step.instruction !== "FROM") stages.at(-1)?.steps.push(step);
    else {
      const [base = "", , name] = step.text.split(/\s+/);
      stages.push({ base, name, steps: [] });
    }
  }
  return stages;
}

function stepOf(instruction: Instruction): Step {
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  // The parser leaves the flags in the content, and line continuations as they are.
  const content = (instruction.getArgumentsContent() ?? "").replaceAll(/\\\n\s*/g, "");
  const text = content.replace(/^(?:--\S+\s+)+/, "").trim();
  return {
    instruction: instruction.getKeyword(),
    flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ""])),
    text,
    words: ["CMD", "HEALTHCHECK"].includes(instruction.getKeyword()) ? wordsOf(text) : undefined,
    variables:
      instruction instanceof PropertyInstruction
        ? instruction.getProperties().map((property) => [property.getName(), property.getValue() ?? ""])
        : [],
  };
}

/** Returns the words of the JSON form in `text`, also behind `CMD` of a health check. */
function wordsOf(text: string): readonly string[] | undefined {
  const json = /^(?:CMD\s+)?(\[.*\])$/.exec(text)?.[1];
  return json === undefined ? undefined : (JSON.parse(json) as string[]); // Docker's form is an array of texts
}
