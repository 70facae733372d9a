/**
 * Returns the code of an error of the system, of Node.js or of a driver, such as `ENOENT`. Undefined if it has none.
 */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const certificateCodes = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_)/;

/**
 * Returns whether `error` says that a certificate is not trusted
 * (https://nodejs.org/api/tls.html#x509-certificate-error-codes).
 */
export function isCertificateFault(error: unknown): boolean {
  return certificateCodes.test(errorCodeOf(error) ?? "");
}
