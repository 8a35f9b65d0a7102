/**
 * Who is logged in, and the two tokens.
 *
 * The access token lives in memory only: it opens everything, and a script that reads the disk
 * does not find it. The refresh token is in localStorage, because a reload must not log out and
 * the API knows no cookies (so there is nothing that another site could misuse). What a stolen
 * one is worth is bounded: it works once, its later reuse ends the whole login, and the strict
 * Content-Security-Policy lets no foreign script run here at all. Neither is ever put into a URL.
 */

import * as kept from "../page/kept.js";
import { address, ownName } from "./address.js";
import { newKey } from "./key.js";

const KEY = ownName("charla.login");
const RENEWAL = ownName("charla.renewal");
const REPLY_MS = 10_000;
const PAUSES_MS = [300, 1_000];
const ENDED = new Set([400, 401, 422]); // anything else is a server, or a proxy, that cannot now

let accessToken = null;
let refreshing = null;

/** Tells the page that the login ended here or in another tab. */
export const login = new EventTarget();

export const token = () => accessToken;

const stored = () => parsed(kept.read(KEY));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // something else wrote there
  }
}

export const isKnown = () => stored() !== null;
export const user = () => stored()?.user ?? null;

/** Keeps what register, login and refresh answer. */
export function keep(answer) {
  accessToken = answer.access_token;
  const known = { refresh_token: answer.refresh_token, user: answer.user };
  kept.write(KEY, JSON.stringify(known));
  kept.remove(RENEWAL);
  return answer.user;
}

/** Forgets everything; `reason` is shown where the user is asked to log in again. */
export function forget(reason = "") {
  accessToken = null;
  kept.remove(KEY);
  kept.remove(RENEWAL);
  login.dispatchEvent(new CustomEvent("end", { detail: reason }));
}

/**
 * Gets new tokens, at most one request at a time, also of all tabs where the browser can say so: a
 * refresh token counts once, and ten requests may meet the same 401. Returns false where the login
 * is over; throws a `retryable` error where nobody answered.
 */
export function refresh() {
  refreshing ??= alone(renew).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

// Pages on plain http have no locks: two tabs that come at once get the same token there.
const alone = (work) => (navigator.locks ? navigator.locks.request(KEY, work) : work());

/** Sends the token again where the answer was lost: the server may have counted it all the same. */
async function renew() {
  for (const ms of PAUSES_MS) {
    try {
      return await renewOnce();
    } catch (error) {
      if (!error.isLost) throw error;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }
  return renewOnce();
}

async function renewOnce() {
  const refresh_token = stored()?.refresh_token; // read again: another tab may have renewed it
  if (!refresh_token) return false;
  const response = await fetch(address("/api/auth/refresh"), {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": renewalKey() },
    body: JSON.stringify({ refresh_token }),
    signal: AbortSignal.timeout(REPLY_MS),
  }).catch(lost);
  if (response.ok) {
    keep(await response.json().catch(lost));
    return true;
  }
  if (response.status === 502 || response.status === 504) lost(); // the proxy has lost it
  if (!ENDED.has(response.status)) notNow();
  if (![null, undefined, refresh_token].includes(stored()?.refresh_token)) return renewOnce();
  forget("Your login has ended. Please log in again.");
  return false;
}

/** Says that this is the renewal whose answer was lost before, maybe days ago in another tab. */
function renewalKey() {
  const key = kept.read(RENEWAL) ?? newKey();
  kept.write(RENEWAL, key);
  return key;
}

function notNow(cause, more = {}) {
  throw Object.assign(new Error("No new token now.", { cause }), { retryable: true, ...more });
}

const lost = (cause) => notNow(cause, { isLost: true });

addEventListener("storage", (change) => {
  if (change.key !== KEY) return;
  const now = stored();
  if (now === null) forget();
  else if (accessToken === null || change.oldValue === null) location.reload();
  else if (parsed(change.oldValue)?.user?.id !== now.user?.id) location.reload();
});
