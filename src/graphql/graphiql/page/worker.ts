// The worker of Monaco's editors. It checks the JSON of the variables; nothing else asks for one.
if (self.name === "json") await import("monaco-editor/esm/vs/language/json/json.worker.js");
else await import("monaco-editor/esm/vs/editor/editor.worker.js");
