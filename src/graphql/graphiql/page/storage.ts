import type { Storage } from "@graphiql/toolkit";

const prefix = "ticket-notes/";

const ownKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));

/**
 * What GraphiQL keeps: its tabs, its history and its look, under names of our own, since development servers of a
 * machine often share an origin. No key is among it.
 */
export const storage: Storage = {
  get length() {
    return ownKeys().length;
  },
  getItem: (key) => localStorage.getItem(prefix + key),
  setItem: (key, value) => localStorage.setItem(prefix + key, value),
  removeItem: (key) => localStorage.removeItem(prefix + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
};
