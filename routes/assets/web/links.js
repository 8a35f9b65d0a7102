/**
 * One-time links of the operator: `#invite=<token>` makes an account, `#reset=<token>` chooses a
 * password; `&email=<address>` says whose. A browser sends the fragment of an address to nobody.
 */

const KINDS = ["invite", "reset"];

/** The link that the address is: `{kind, token, email}`; null where it is none. */
export function read() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const kind = KINDS.find((name) => parts.get(name));
  return kind ? { kind, token: parts.get(kind), email: parts.get("email") ?? "" } : null;
}

/** Takes the link out of the address, and so out of the history, once it is of no use. */
export const forget = () => history.replaceState(null, "", location.pathname);
