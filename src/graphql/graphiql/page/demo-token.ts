/** The token is kept until the browser's tab is closed, as the key is. */
const demoStorageKey = "ticket-notes.demo";

const demoLinkHash = /^#demo=([\w-]+)$/;

/** Returns whether the page was opened by the link that has the token, as long as {@link demoToken} did not take it. */
export function isDemoLink(): boolean {
  return demoLinkHash.test(location.hash);
}

/**
 * Returns the token with which the gateway gives the keys of the demo data, or null if this tab was never opened by the
 * link that has it. It is taken out of the address, so that nobody reads it there or copies it along.
 */
export function demoToken(): string | null {
  const [, token] = demoLinkHash.exec(location.hash) ?? [];
  if (token === undefined) return sessionStorage.getItem(demoStorageKey);
  sessionStorage.setItem(demoStorageKey, token);
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}
