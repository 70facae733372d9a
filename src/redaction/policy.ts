import { authorize, hasScopes, type PersonViewer, type Viewer } from "../viewer.ts";

/**
 * Returns the viewer as one who may redact what they see. Only administrators can have the scope. Throws as
 * {@link authorize}.
 */
export function redactor(viewer: Viewer): PersonViewer {
  return authorize(viewer, "notes:read", "notes:redact");
}

/** Returns whether {@link redactor} would not throw. */
export function mayRedact(viewer: Viewer): boolean {
  return hasScopes(viewer, "notes:read", "notes:redact");
}
