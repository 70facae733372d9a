/** What is shown in place of each run of redacted characters. */
export const redactionMark = "▇▇▇";
