/** The path that upload forms are sent to, below the public URL. */
export const uploadPath = "/uploads";
