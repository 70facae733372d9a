import { useErrorHandler, useExtendContext, useLogger } from "@envelop/core";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";

/** Three plugins of Envelop that hook into every operation and change nothing: what the hooks cost by themselves. */
export const plugins: readonly GraphqlPlugin[] = [
  useLogger({ logFn: () => undefined }),
  useErrorHandler(() => undefined),
  useExtendContext(() => ({ benchmark: true })),
];
