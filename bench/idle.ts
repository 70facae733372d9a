// A process that does nothing until it is stopped.
setInterval(() => undefined, 60_000);
