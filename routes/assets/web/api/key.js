/** Says that two requests are the same. */

/** A new Idempotency-Key; keep it and send it again with every new try of the same request. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID exists on https only
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
