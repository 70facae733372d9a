// Monaco with the parts that this page uses. It takes the place of monaco-graphql/esm/monaco-editor.js, which has all.
import "monaco-editor/esm/vs/editor/browser/coreCommands.js";
import "monaco-editor/esm/vs/editor/browser/widget/codeEditor/codeEditorWidget.js";
import "monaco-editor/esm/vs/editor/contrib/bracketMatching/browser/bracketMatching.js";
import "monaco-editor/esm/vs/editor/contrib/clipboard/browser/clipboard.js";
import "monaco-editor/esm/vs/editor/contrib/comment/browser/comment.js";
import "monaco-editor/esm/vs/editor/contrib/cursorUndo/browser/cursorUndo.js";
import "monaco-editor/esm/vs/editor/contrib/find/browser/findController.js";
import "monaco-editor/esm/vs/editor/contrib/folding/browser/folding.js";
import "monaco-editor/esm/vs/editor/contrib/hover/browser/hoverContribution.js";
import "monaco-editor/esm/vs/editor/contrib/indentation/browser/indentation.js";
import "monaco-editor/esm/vs/editor/contrib/snippet/browser/snippetController2.js";
import "monaco-editor/esm/vs/editor/contrib/suggest/browser/suggestController.js";
import "monaco-editor/esm/vs/editor/contrib/toggleTabFocusMode/browser/toggleTabFocusMode.js";
import "monaco-editor/esm/vs/editor/contrib/wordOperations/browser/wordOperations.js";
import "monaco-editor/esm/vs/editor/common/standaloneStrings.js";
import "monaco-editor/esm/vs/base/browser/ui/codicons/codiconStyles.js";
import "monaco-editor/esm/vs/basic-languages/graphql/graphql.contribution.js";
import "monaco-editor/esm/vs/language/json/monaco.contribution.js";
import type * as MonacoTypes from "monaco-editor";
import * as monaco from "monaco-editor/esm/vs/editor/editor.api.js";

// It is Monaco, for all who import that.
// oxlint-disable-next-line oxc/no-barrel-file -- see above
export * from "monaco-editor/esm/vs/editor/editor.api.js";

/** What a screen reader calls each editor, by the name of its text. */
const labels: Readonly<Record<string, string>> = {
  "operation.graphql": "Operation",
  "variables.json": "Variables",
  "response.json": "Response",
};

function labelOf(path: string | undefined): string {
  const found = Object.entries(labels).find(([name]) => path?.endsWith(name));
  return `${found?.[1] ?? "Editor"}. Press Control M to leave it with Tab.`;
}

/** Monaco's `editor`, whose editors have the page's font, names for screen readers, and no words as suggestions. */
export const editor: typeof MonacoTypes.editor = {
  ...monaco.editor,
  create(element, options, services) {
    const created = monaco.editor.create(
      element,
      {
        ...options,
        fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace',
        fontSize: 14,
        lineHeight: 22,
        lineNumbersMinChars: 3,
        padding: { top: 8 },
        tabIndex: 0,
        renderFinalNewline: "on",
        wordBasedSuggestions: "off",
        occurrencesHighlight: "off",
        showFoldingControls: "always",
        foldingStrategy: "indentation",
        fixedOverflowWidgets: true,
        ariaLabel: labelOf(options?.model?.uri.path),
      },
      services,
    );
    if (options?.model?.uri.path.endsWith("variables.json")) created.onDidFocusEditorText(checkJson);
    return created;
  },
};

/** JSON is coloured at once. A worker checks and completes it, and comes when somebody enters the variables. */
const coloursOnly = {
  tokens: true,
  foldingRanges: false,
  documentFormattingEdits: false,
  documentRangeFormattingEdits: false,
  completionItems: false,
  hovers: false,
  documentSymbols: false,
  colors: false,
  diagnostics: false,
  selectionRanges: false,
};
const { jsonDefaults } = monaco.languages.json;
jsonDefaults.setModeConfiguration(coloursOnly);

function checkJson(): void {
  if (jsonDefaults.modeConfiguration.diagnostics === true) return;
  jsonDefaults.setModeConfiguration({ ...coloursOnly, completionItems: true, hovers: true, diagnostics: true });
}

const light = {
  keyword: "8a2a6b",
  type: "0b6b5c",
  name: "1d5aa8",
  text: "7a4a00",
  number: "8a3b12",
  quiet: "5c6863",
};
const dark: typeof light = {
  keyword: "e79ccb",
  type: "6fcfba",
  name: "8fbcf5",
  text: "e2b872",
  number: "efa889",
  quiet: "9daaa4",
};

function rulesOf(colours: typeof light) {
  return [
    { token: "keyword.gql", foreground: colours.keyword },
    { token: "keyword.json", foreground: colours.keyword },
    { token: "type.identifier.gql", foreground: colours.type },
    { token: "argument.identifier.gql", foreground: colours.name },
    { token: "key.identifier.gql", foreground: colours.name },
    { token: "identifier.gql", foreground: colours.name },
    { token: "annotation.gql", foreground: colours.number },
    { token: "string.key.json", foreground: colours.name },
    { token: "string.value.json", foreground: colours.text },
    { token: "string", foreground: colours.text },
    { token: "number", foreground: colours.number },
    { token: "comment", foreground: colours.quiet },
    { token: "delimiter", foreground: colours.quiet },
  ];
}

monaco.editor.defineTheme("ticket-notes-light", {
  base: "vs",
  inherit: true,
  rules: rulesOf(light),
  colors: {
    "editor.background": "#ffffff",
    "editor.foreground": "#18211e",
    "editorLineNumber.foreground": "#64706b",
    "editorLineNumber.activeForeground": "#18211e",
    "editorCursor.foreground": "#0b6b5c",
    "editor.selectionBackground": "#cfe7e1",
    "editorSuggestWidget.background": "#ffffff",
    "editorSuggestWidget.selectedBackground": "#d8ebe6",
    "editorSuggestWidget.selectedForeground": "#18211e",
    "editorSuggestWidget.highlightForeground": "#0b6b5c",
    "editorSuggestWidget.focusHighlightForeground": "#0b6b5c",
  },
});
monaco.editor.defineTheme("ticket-notes-dark", {
  base: "vs-dark",
  inherit: true,
  rules: rulesOf(dark),
  colors: {
    "editor.background": "#151b18",
    "editor.foreground": "#e6ebe8",
    "editorLineNumber.foreground": "#8b9892",
    "editorLineNumber.activeForeground": "#e6ebe8",
    "editorCursor.foreground": "#6fcfba",
    "editor.selectionBackground": "#24493f",
    "editorSuggestWidget.background": "#19201d",
    "editorSuggestWidget.selectedBackground": "#24493f",
    "editorSuggestWidget.selectedForeground": "#e6ebe8",
    "editorSuggestWidget.highlightForeground": "#6fcfba",
    "editorSuggestWidget.focusHighlightForeground": "#6fcfba",
  },
});
