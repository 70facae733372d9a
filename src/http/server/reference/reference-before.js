// Zod, with which Scalar checks its configuration, tries whether it may make code of strings. The policy of the page
// refuses that and the browser would report it. This says so beforehand.
globalThis.__zod_globalConfig = { jitless: true };
