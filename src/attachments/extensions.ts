import { posix } from "node:path";

/** The files that /v1 takes, by their extensions: what it tells its clients, some of which refuse others by themselves. */
export const allowedExtensions: ReadonlySet<string> = new Set([
  ...["bmp", "gif", "heic", "heif", "ico", "jpeg", "jpg", "png", "svg", "tif", "tiff", "webp", "avif"],
  ...["doc", "docm", "docx", "dot", "dotx", "odg", "odp", "ods", "odt", "pages", "numbers", "key", "pdf", "pps", "ppsx", "ppt", "pptm", "pptx"],
  ...["rtf", "vsd", "vsdx", "xls", "xlsb", "xlsm", "xlsx", "xlt", "xltx", "mpp", "one", "pub", "ps", "eps", "ai", "psd", "drawio", "dwg", "dxf"],
  ...["txt", "text", "log", "md", "csv", "tsv", "json", "jsonl", "xml", "xsd", "xsl", "yaml", "yml", "toml", "ini", "cfg", "conf", "properties"],
  ...["htm", "html", "css", "js", "ts", "sql", "diff", "patch", "sh", "ps1", "py", "rb", "go", "java", "cs", "php", "evtx", "dmp", "trc", "out"],
  ...["eml", "msg", "ics", "vcf", "mht", "mhtml", "p7s", "p7m", "pem", "crt", "cer", "csr", "pgp", "asc", "sig", "gpg"],
  ...["zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "bin", "dat", "iso", "cap", "pcap", "pcapng", "har", "saz"],
  ...["mp3", "m4a", "wav", "ogg", "oga", "opus", "flac", "aac", "amr", "wma", "mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "3gp"],
]);

/** A filename's extension in lower case, without its dot; empty where it has none. */
export function extensionOf(filename: string): string {
  return posix.extname(filename).slice(1).toLowerCase();
}
