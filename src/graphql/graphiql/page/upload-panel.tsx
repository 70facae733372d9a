import { type SubmitEvent, useEffect, useId, useState, type ReactNode } from "react";
import { useIdentity } from "./identity.ts";
import { type Arrived, type AttachableNote, attachableNotes, upload } from "./upload.ts";

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "sending"; readonly part: number }
  | { readonly kind: "arrived"; readonly file: Arrived }
  | { readonly kind: "failed"; readonly message: string };

/** Attaches a file to a note, in the two steps of requestAttachmentUpload. */
export function UploadPanel(): ReactNode {
  const { apiKey } = useIdentity();
  const [notes, setNotes] = useState<readonly AttachableNote[] | null>(null);
  const [state, setState] = useState<State>({ kind: "idle" });
  const [noteId, fileId] = [useId(), useId()];

  useEffect(() => {
    setNotes(null);
    setState({ kind: "idle" });
    if (apiKey === null) return;
    attachableNotes(apiKey)
      .then(setNotes)
      .catch((error: unknown) => setState({ kind: "failed", message: messageOf(error) }));
  }, [apiKey]);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [note, file] = [form.get("note"), form.get("file")];
    if (apiKey === null || typeof note !== "string" || !(file instanceof File)) return;
    setState({ kind: "sending", part: 0 });
    try {
      const arrived = await upload(apiKey, note, file, (part) => setState({ kind: "sending", part }));
      setState({ kind: "arrived", file: arrived });
    } catch (error) {
      setState({ kind: "failed", message: messageOf(error) });
    }
  }

  if (apiKey === null) return <p className="note">Sign in first.</p>;
  if (notes?.length === 0)
    return <p className="note">You see no note to which you may attach files. Run the example addNote first.</p>;
  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      <p className="note">
        A file takes two steps: <code>requestAttachmentUpload</code>, then its bytes to the URL that it returns.
      </p>
      <div>
        <label htmlFor={noteId}>Note</label>
        <select id={noteId} name="note" className="field" required>
          {notes?.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </div>
      <div>
        <label htmlFor={fileId}>File</label>
        <input id={fileId} name="file" type="file" className="field" required />
      </div>
      <button type="submit" className="button primary" disabled={notes === null || state.kind === "sending"}>
        Upload
      </button>
      <div aria-live="polite">
        <Progress state={state} />
      </div>
    </form>
  );
}

function Progress({ state }: { readonly state: State }) {
  if (state.kind === "idle") return null;
  if (state.kind === "failed") return <p className="problem">{state.message}</p>;
  if (state.kind === "sending")
    return (
      <>
        <progress value={state.part} max={1} aria-label="Sent" />
        <p className="note">{state.part < 1 ? `${Math.round(state.part * 100)} % sent` : "Sent; waiting for the gateway"}</p>
      </>
    );
  return (
    <p>
      Arrived:{" "}
      <a href={state.file.url} download>
        {state.file.filename}
      </a>
      , {state.file.size.toLocaleString("en")} bytes.
    </p>
  );
}

/** What was thrown says what went wrong: `upload` throws errors for people, fetch and JSON.parse theirs. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
