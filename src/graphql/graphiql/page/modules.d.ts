// Modules without types of their own.

declare module "react-dom/client" {
  import type { ReactNode } from "react";
  export function createRoot(container: Element): { render(node: ReactNode): void; unmount(): void };
}

declare module "monaco-editor/esm/vs/language/json/json.worker.js";
declare module "monaco-editor/esm/vs/editor/editor.worker.js";
