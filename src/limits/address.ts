/**
 * Returns the name under which an address is counted. All addresses of an IPv6 /64 network have one name, because one
 * caller can use all of them.
 */
export function nameOfAddress(address: string | null): string {
  if (address === null) return "unknown";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [before = "", after] = address.split("::", 2);
  const [head, tail] = [before, after ?? ""].map((part) => part.split(":").filter((group) => group !== ""));
  if (!head || !tail) return address;
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  return `${[...head, ...Array<string>(zeros).fill("0"), ...tail].slice(0, 4).join(":")}::/64`;
}
