/** The path, below the public URL, to which upload forms are sent. */
export const uploadPath = "/uploads";
