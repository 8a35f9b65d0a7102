/**
 * Texts that are not sent: what stands in the field of each conversation, and messages of which
 * nobody knows yet whether the server got them. They survive a reload, each with its user.
 *
 * A draft is `{text, turn, unsent}`: `turn` is the send that `text` was (to be repeated with the same
 * Idempotency-Key where it is sent unchanged), `unsent` the sends that are under way or failed.
 */

import * as kept from "../page/kept.js";

const PREFIX = "charla.draft.";
const MOST_CHARS = 500_000; // of all drafts together; a browser gives an origin about 2.5 million
const NEW = "new"; // the conversation that has no id yet
const EMPTY = { text: "", turn: null, unsent: [] };

let owner = null;

const keyOf = (sessionId) => `${PREFIX}${owner}.${sessionId ?? NEW}`;
const keys = () => kept.names(PREFIX);

function parse(text) {
  try {
    return { ...EMPTY, ...JSON.parse(text) };
  } catch {
    return EMPTY; // something else wrote there
  }
}

/** Says whose drafts these are. */
export function belongTo(user) {
  owner = user?.id ?? null;
}

export const of = (sessionId) => parse(kept.read(keyOf(sessionId)));

/** Changes a draft; one that holds nothing any more is taken away. */
export function change(sessionId, changes) {
  if (owner === null) return;
  const draft = { ...of(sessionId), ...changes, at: Date.now() };
  if (!draft.text && !draft.unsent.length) return kept.remove(keyOf(sessionId));
  const text = JSON.stringify(draft);
  makeRoom(keyOf(sessionId), text.length);
  kept.write(keyOf(sessionId), text);
}

/** Forgets the oldest drafts until there is room for one of that length. */
function makeRoom(own, length) {
  const others = keys().filter((key) => key !== own);
  const sizes = new Map(others.map((key) => [key, kept.read(key).length]));
  let total = length + [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total <= MOST_CHARS) return;
  const age = (key) => parse(kept.read(key)).at ?? 0;
  const ages = new Map(others.map((key) => [key, age(key)]));
  for (const key of others.sort((one, other) => ages.get(one) - ages.get(other))) {
    if (total <= MOST_CHARS) return;
    total -= sizes.get(key);
    kept.remove(key);
  }
}

/** Gives the draft of the new conversation to the session that it became. */
export function becameSession(sessionId) {
  change(sessionId, of(null));
  forget(null);
}

/** Hands what was written for a session that is gone to the new conversation. */
export function outlive(sessionId, written) {
  forget(sessionId);
  const { text } = of(null);
  if (text.includes(written)) return; // another window was here before, or nothing was written
  change(null, { text: text ? `${text}\n\n${written}` : written, turn: null });
}

export const forget = (sessionId) => kept.remove(keyOf(sessionId));

/** Forgets all drafts of this user: after a logout. */
export function forgetAll() {
  for (const key of keys()) if (key.startsWith(`${PREFIX}${owner}.`)) kept.remove(key);
  owner = null;
}

/** A send as it can be kept: without its elements on the page. */
export function bare({ path, body, key, makesSession, content, after }) {
  return { path, body, key, makesSession, content, after };
}

/** Keeps a send until the server is known to have it. */
export function keepUnsent(sessionId, turn) {
  change(sessionId, { unsent: [...without(sessionId, turn.key), bare(turn)] });
}

export function dropUnsent(sessionId, { key }) {
  change(sessionId, { unsent: without(sessionId, key) });
}

const without = (sessionId, key) => of(sessionId).unsent.filter((turn) => turn.key !== key);

/** Calls `listener(sessionId, draft)` when another window changed a draft. */
export function hearOthers(listener) {
  addEventListener("storage", ({ key, newValue }) => {
    if (owner === null || !key?.startsWith(`${PREFIX}${owner}.`)) return;
    const place = key.slice(keyOf("").length);
    listener(place === NEW ? null : place, parse(newValue));
  });
}
