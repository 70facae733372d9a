/** The name of the shared parameter with the maximum size of a result, in bytes. */
export const maximumBytesParam = "maximumBytes";
