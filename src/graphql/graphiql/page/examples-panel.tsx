import { useEffect, useRef, useState, type ReactNode } from "react";
import { type Example, examples, type Missing, operationNameOf, variablesFor } from "./examples.ts";
import { ask, useIdentity } from "./identity.ts";
import { useOpenOperation } from "./open-operation.ts";

const groups = ["Read", "Write", "Administer"] as const;

/**
 * A list of all examples. One that is chosen opens in a tab, with variables that fit what the viewer sees. One that
 * lacks something stays closed, and the list says what.
 */
export function ExamplesPanel(): ReactNode {
  const { apiKey, viewer } = useIdentity();
  const open = useOpenOperation();
  const [problem, setProblem] = useState<(Missing & { readonly field: string }) | null>(null);

  async function choose(example: Example) {
    setProblem(null);
    const { field } = example;
    try {
      const found = await variablesFor(example, viewer?.role, (query) => ask(query, {}, apiKey ?? ""));
      if ("problem" in found) return setProblem({ ...found, field });
      open(operationNameOf(example), example.query, found.text);
    } catch (error) {
      setProblem({ field, problem: messageOf(error) });
    }
  }

  /** Uploads the file that an example is to take away, and chooses it again. */
  async function uploadFor(example: Example, noteId: string) {
    if (apiKey === null) return;
    try {
      const { upload } = await import("./upload.ts");
      await upload(apiKey, noteId, new File(["No fault codes stored.\n"], "post-scan.txt", { type: "text/plain" }), () => {});
    } catch (error) {
      return setProblem({ field: example.field, problem: messageOf(error) });
    }
    return choose(example);
  }

  return (
    <>
      <p className="note">
        {apiKey === null
          ? "Sign in first: they open with what you see filled in."
          : "Choosing one changes nothing: it opens ready to run, or says what it needs first."}
      </p>
      {groups.map((group) => (
        <div key={group}>
          <h3>{group}</h3>
          <ul>
            {examples
              .filter((example) => example.group === group)
              .map((example) => (
                <li key={example.field}>
                  <button type="button" className="example" onClick={() => void choose(example)}>
                    {example.title}
                    <code>{example.field}</code>
                  </button>
                  {problem?.field === example.field && <Problem problem={problem} onUpload={(id) => uploadFor(example, id)} />}
                </li>
              ))}
          </ul>
        </div>
      ))}
    </>
  );
}

/** Each says what went wrong: `upload` throws errors for people, fetch and JSON.parse theirs. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface ProblemProps {
  readonly problem: Missing;
  readonly onUpload: (noteId: string) => Promise<void>;
}

function Problem({ problem: { problem, fileMissingAt }, onUpload }: ProblemProps) {
  const [isUploading, setIsUploading] = useState(false);
  const upload = (noteId: string) => {
    setIsUploading(true);
    void onUpload(noteId).finally(() => setIsUploading(false));
  };
  const place = useRef<HTMLDivElement>(null);
  // The example may stand at the end of what is seen of the list, on a phone above all.
  useEffect(() => place.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <div role="alert" className="missing" ref={place}>
      <p className="problem">{problem}</p>
      {fileMissingAt !== undefined && (
        <p>
          <button type="button" className="button" disabled={isUploading} onClick={() => upload(fileMissingAt)}>
            {isUploading ? "Uploading…" : "Upload one to it"}
          </button>
        </p>
      )}
    </div>
  );
}
