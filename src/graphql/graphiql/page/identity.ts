import { createStore, useStore } from "zustand";
import { settings } from "./settings.ts";

/** The person for whom the page acts. */
export interface Viewer {
  readonly name: string;
  readonly role: "ADMINISTRATOR" | "SPECIALIST" | "CUSTOMER";
  readonly account: string;
}

interface Identity {
  /** The key that every request of the page carries. It is kept until the browser's tab is closed. */
  readonly apiKey: string | null;
  readonly viewer: Viewer | null;
  readonly isChecking: boolean;
  /** Why the last key was not taken. */
  readonly problem: string | null;
}

/** Other pages of the gateway read and write the same entry. */
const storageKey = "ticket-notes.credential";

const nobody: Identity = { apiKey: null, viewer: null, isChecking: false, problem: null };

export const identity = createStore<Identity>(() => nobody);

export const useIdentity = (): Identity => useStore(identity);

/** Returns the header of a request for a key: an API key, or an access token, which consists of three parts. */
export function credentialHeader(key: string): Record<string, string> {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(key) ? { authorization: `Bearer ${key}` } : { "x-api-key": key };
}

/** Signs in with the key that this tab of the browser has kept, if there is one. */
export async function restoreIdentity(): Promise<void> {
  const kept = keptKey();
  if (kept !== null) await signIn(kept);
}

/** Acts for the person of `key` from now on, and keeps it. If the key is not valid, nothing changes but `problem`. */
export async function signIn(key: string): Promise<void> {
  const apiKey = key.trim();
  if (apiKey === "") return identity.setState({ problem: "Enter an API key or an access token." });
  // A header has visible ASCII characters only: anything else was not copied from where keys are shown.
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    return identity.setState({ problem: "This is not a key: it has spaces or characters that no key has." });
  identity.setState({ isChecking: true, problem: null });
  const checked = await check(apiKey);
  if ("problem" in checked) return identity.setState({ isChecking: false, problem: checked.problem });
  sessionStorage.setItem(storageKey, JSON.stringify({ apiKey }));
  identity.setState({ apiKey, viewer: checked.viewer, isChecking: false, problem: null });
}

/** Forgets the key. */
export function signOut(): void {
  sessionStorage.removeItem(storageKey);
  identity.setState(nobody);
}

function keptKey(): string | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? "null");
    return typeof kept === "object" && kept !== null && "apiKey" in kept && typeof kept.apiKey === "string"
      ? kept.apiKey
      : null;
  } catch (error) {
    // Another program of this origin may have written anything.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const viewerQuery = "{ viewer { person { name } role account { name } } }";

interface ViewerAnswer {
  readonly data?: { readonly viewer: { person: { name: string }; role: Viewer["role"]; account: { name: string } } };
  readonly errors?: readonly { readonly message: string }[];
}

async function check(key: string): Promise<{ viewer: Viewer } | { problem: string }> {
  try {
    const { data, errors } = await ask<ViewerAnswer>(viewerQuery, {}, key);
    if (!data?.viewer) return { problem: errors?.[0]?.message ?? "The gateway did not say whose key it is." };
    const { person, role, account } = data.viewer;
    return { viewer: { name: person.name, role, account: account.name } };
  } catch (error) {
    // What fetch throws without a connection, and JSON.parse for an answer of something in between.
    if (error instanceof TypeError || error instanceof SyntaxError)
      return { problem: "The gateway did not answer. Check that it is running, and try again." };
    throw error;
  }
}

/** Returns the answer to a query of the page itself, asked with `key`. Throws what fetch and JSON.parse throw. */
export async function ask<Answer>(query: string, variables: object, key: string): Promise<Answer> {
  const response = await fetch(settings.endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...credentialHeader(key) },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer; // as the schema has it: each query is written beside its type
}
