// Starts Scalar with the gateway's own document, and with the key of the session, if there is one.
const { document: url, scheme } = JSON.parse(document.getElementById("options").textContent);

/** The key with which GraphiQL is signed in. Both use this name. */
function signedInKey() {
  try {
    return JSON.parse(sessionStorage.getItem("ticket-notes.credential") ?? "{}").apiKey;
  } catch (error) {
    // What stands there is not ours, or the browser keeps nothing.
    if (error instanceof SyntaxError || error instanceof DOMException) return undefined;
    throw error;
  }
}

const key = signedInKey();
const main = document.getElementById("reference");
main.textContent = "";
Scalar.createApiReference(main, {
  url,
  theme: "none",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  // The page follows the system, as the others do.
  hideDarkModeToggle: true,
  persistAuth: false,
  documentDownloadType: "direct",
  defaultOpenFirstTag: true,
  operationTitleSource: "summary",
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  authentication: {
    preferredSecurityScheme: scheme,
    securitySchemes: {
      apiKey: { value: key ?? "" },
      bearer: { token: key ?? "" },
    },
  },
});
