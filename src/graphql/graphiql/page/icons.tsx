import type { ReactNode } from "react";
const paths = {
  examples: "M4 5h16M4 12h16M4 19h10M18 16v6l4-3z",
  schema: "M5 4h11l3 3v13H5zM9 9h6M9 13h6M9 17h4",
  history: "M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5M12 8v4.5l3 2",
  upload: "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M4 16v4h16v-4",
  code: "m8 7-5 5 5 5m8-10 5 5-5 5M14 4l-4 16",
  run: "M7 4.5v15l12-7.5z",
  stop: "M6 6h12v12H6z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-8 8c0-3.5 3.5-5.5 8-5.5s8 2 8 5.5",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg
      viewBox="0 0 24 24"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}

/** The gateway's mark, a ticket. */
export function Mark(): ReactNode {
  return (
    <svg
      viewBox="0 0 32 32"
      width="26"
      height="26"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.5"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path
        strokeLinejoin="round"
        d="M6 5h20a2 2 0 0 1 2 2v5a4 4 0 0 0 0 8v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-5a4 4 0 0 0 0-8V7a2 2 0 0 1 2-2Z"
      />
      <path d="M12 12h8M12 16h8M12 20h5" />
    </svg>
  );
}
