import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { type SubmitEvent, type RefObject, useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Mark } from "./icons.tsx";
import { signIn, signOut, useIdentity, type Viewer } from "./identity.ts";
import { demoToken, isDemoLink } from "./demo-token.ts";
import { settings } from "./settings.ts";

const roles: Readonly<Record<Viewer["role"], string>> = {
  ADMINISTRATOR: "administrator",
  SPECIALIST: "specialist",
  CUSTOMER: "customer",
};

/** The bar at the top: what this is, for whom it acts, and how that changes. */
export function Bar(): ReactNode {
  const { viewer, isChecking } = useIdentity();
  const dialog = useRef<HTMLDialogElement>(null);
  const open = () => dialog.current?.showModal();
  // Who opens the link to the demo data wants to sign in, unless this tab of the browser has kept a key.
  const [isAwaited, setIsAwaited] = useState(isDemoLink);
  useEffect(() => {
    if (!isAwaited || isChecking) return;
    setIsAwaited(false);
    if (!viewer) dialog.current?.showModal();
  }, [isAwaited, isChecking, viewer]);
  return (
    <header className="bar">
      <h1>
        <a href={settings.endpoint.replace(/graphql$/, "")}>
          <Mark /> Ticket notes
        </a>
        <span>GraphiQL</span>
      </h1>
      <div className="who">
        <Look />
        {viewer ? (
          <>
            <p role="status">
              <span className="hidden-text">Signed in as </span>
              <b>{viewer.name}</b> <small>{`${roles[viewer.role]} of ${viewer.account}`}</small>
            </p>
            <button type="button" className="button" onClick={open}>
              Switch
            </button>
            <button type="button" className="button wide-only" onClick={signOut}>
              Sign out
            </button>
          </>
        ) : (
          <>
            <p role="status">
              <small>{isChecking ? "Signing in…" : "Not signed in"}</small>
            </p>
            <button type="button" className="button primary" onClick={open}>
              Sign in
            </button>
          </>
        )}
      </div>
      <SignIn dialog={dialog} />
    </header>
  );
}

const looks = [
  { theme: null, name: "as the system" },
  { theme: "light", name: "light" },
  { theme: "dark", name: "dark" },
] as const;

/** The button that goes through the looks of the page. */
function Look() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  const index = looks.findIndex((look) => look.theme === theme);
  const next = looks[(index + 1) % looks.length] ?? looks[0];
  return (
    <button type="button" className="tool wide-only" onClick={() => setTheme(next.theme)}>
      Look: {looks[index]?.name}
    </button>
  );
}

/** A key of the demo data, as the gateway offers it to a browser on its own machine. */
interface DemoKey {
  readonly name: string;
  readonly apiKey: string;
}

const demoNames: Readonly<Record<string, { readonly name: string; readonly about: string }>> = {
  admin: { name: "Administrator", about: "sees and changes everything" },
  specialist: { name: "Specialist", about: "sees internal notes too" },
  customer: { name: "Customer", about: "sees their own tickets" },
  outsider: { name: "Outsider", about: "specialist of another account" },
};

function SignIn({ dialog }: { readonly dialog: RefObject<HTMLDialogElement | null> }) {
  const { viewer, isChecking, problem } = useIdentity();
  const [key, setKey] = useState("");
  const demoKeys = useDemoKeys();
  const [keyId, problemId, titleId] = [useId(), useId(), useId()];
  // It has done its work once somebody is signed in, or somebody else.
  useEffect(() => {
    dialog.current?.close();
    setKey("");
  }, [dialog, viewer]);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void signIn(key);
  };
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
    >
      <div className="panel-head">
        <h2 id={titleId}>{viewer ? "Switch to somebody else" : "Sign in"}</h2>
        <button type="button" className="close" aria-label="Close" onClick={() => dialog.current?.close()}>
          ×
        </button>
      </div>
      <p className="note">The key goes with every request of all tabs. This browser tab forgets it when it is closed.</p>
      <form className="form" onSubmit={submit}>
        <div>
          <label htmlFor={keyId}>API key</label>
          <input
            id={keyId}
            className="field"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            aria-describedby={problemId}
            aria-invalid={problem !== null}
            type="password"
            // What a dialog gives the focus to when it opens. It is the button that closes it otherwise.
            autoFocus
            autoComplete="off"
            spellCheck={false}
            placeholder="tnk_…"
          />
          <p id={problemId} className="problem" role="alert" hidden={problem === null} style={{ margin: "0.375rem 0 0" }}>
            {problem}
          </p>
        </div>
        <div className="row">
          <button type="submit" className="button primary" disabled={isChecking}>
            {isChecking ? "Checking…" : "Sign in"}
          </button>
          {viewer && (
            <button type="button" className="button" onClick={signOut}>
              Sign out
            </button>
          )}
        </div>
      </form>
      {settings.demoKeys !== null && demoKeys.length === 0 && (
        <p className="note after">
          To sign in as somebody of the demo data, open the link to GraphiQL that <code>npm start</code> prints.
        </p>
      )}
      {demoKeys.length > 0 && (
        <>
          <h3>Or as somebody of the demo data</h3>
          <div className="demo">
            {demoKeys.map(({ name, apiKey }) => (
              <button key={name} type="button" className="button" disabled={isChecking} onClick={() => void signIn(apiKey)}>
                <span>{demoNames[name]?.name ?? name}</span>
                <small>{demoNames[name]?.about}</small>
              </button>
            ))}
          </div>
        </>
      )}
    </dialog>
  );
}

/** Returns the demo data's keys, or none if the page was not opened by the link that has their token. */
function useDemoKeys(): readonly DemoKey[] {
  const [keys, setKeys] = useState<readonly DemoKey[]>([]);
  useEffect(() => {
    const token = demoToken();
    if (settings.demoKeys === null || token === null) return;
    fetch(settings.demoKeys, { headers: { "x-demo-token": token } })
      .then((response) => (response.ok ? (response.json() as Promise<{ keys: DemoKey[] }>) : { keys: [] }))
      .then(({ keys: offered }) => setKeys(offered))
      // Without a connection there is the field for a key.
      .catch((error: unknown) => {
        if (!(error instanceof TypeError)) throw error;
      });
  }, []);
  return keys;
}
