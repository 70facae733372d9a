import type { Image } from "./image.ts";

/** What the tests start. */
export interface Images {
  readonly gateway: Image;
  readonly pgbouncer: Image;
  /** Debian's Docker Compose, which reads compose.yaml without an engine. */
  readonly compose: Image;
}

/** The addresses of the services in the network of the tests. They are private ones, as in a network of Docker. */
export const addresses = {
  "gateway-1": "172.30.0.11",
  "gateway-2": "172.30.0.12",
  pgbouncer: "172.30.0.13",
  postgresql: "172.30.0.14",
  store: "127.0.0.1",
} as const;
