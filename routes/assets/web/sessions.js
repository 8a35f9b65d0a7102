/** The list of conversations: search, paging, and keeping up with what changes. */

import { call, realtime } from "./api/api.js";
import { untilDone } from "./api/patience.js";
import { byId } from "./page/dom.js";
import { keepFocus, once } from "./page/focus.js";
import { hear, tell } from "./page/state.js";
import { SessionRow } from "./session_row.js";

const PAGE = 30;
const rows = new Map(); // session id -> SessionRow
let cursor = null;
let isLong = false; // more than the first page is shown
let query = "";
let archived = false;
let asked = 0; // counts the questions, so that a late answer to an old one is not shown
let changes = 0; // counts what this window knows better than an answer that is on its way

const list = () => byId("sessions");

function ask(extra = {}) {
  const wanted = { limit: PAGE, ...extra };
  if (query) wanted.q = query;
  if (archived) wanted.archived = "true";
  return call("GET", `${realtime}/sessions?${new URLSearchParams(wanted)}`);
}

/** Loads the first page anew, as often as it takes. */
export async function reload() {
  asked += 1;
  const mine = asked;
  const page = await untilDone(ask, {
    isWanted: () => mine === asked,
    onProblem: (error, goesOn) => say(goesOn ? `${error.reason} Trying again …` : error.message),
  });
  if (!page || mine !== asked) return;
  rows.clear();
  list().replaceChildren();
  isLong = false;
  show(page);
}

/** Brings the list up to date, and gives its newest page; what did not change stays as it is. */
export async function refresh() {
  const mine = [asked, changes].join();
  const page = await ask();
  if (mine === [asked, changes].join()) show(page);
  return page.items;
}

function show(page) {
  const ids = new Set(page.items.map(({ id }) => id));
  const last = page.items.at(-1);
  // Behind the page, a row stays only if there is more, and it is older.
  const isBehind = ({ session }) => page.next_cursor && session.updated_at <= last.updated_at;
  for (const [id, row] of rows) if (!ids.has(id) && !isBehind(row)) drop(id);
  let at = list().firstElementChild;
  for (const session of page.items) {
    const { element } = put(session);
    if (element === at) at = at.nextElementSibling;
    else move(element, at);
  }
  if (!isLong) setCursor(page.next_cursor);
  sayWhetherEmpty();
}

/** Makes or updates the row of a session; a new one is not in the list yet. */
function put(session) {
  const row = rows.get(session.id) ?? new SessionRow(session, () => drop(session.id));
  row.update(session);
  rows.set(session.id, row);
  return row;
}

const move = (element, before) => keepFocus(() => list().insertBefore(element, before));

function drop(id) {
  changes += 1;
  rows.get(id)?.remove();
  rows.delete(id);
  sayWhetherEmpty();
}

async function more() {
  const mine = asked;
  try {
    const page = await ask({ cursor });
    if (mine !== asked) return;
    isLong = true;
    for (const session of page.items) if (!rows.has(session.id)) list().append(put(session).element);
    setCursor(page.next_cursor);
  } catch (error) {
    tell("notice", error.message);
  }
}

function setCursor(next) {
  cursor = next ?? null;
  const hide = () => (byId("more").hidden = cursor === null);
  keepFocus(hide, () => list().lastElementChild?.querySelector("a"));
}

function sayWhetherEmpty() {
  if (rows.size) return say("");
  if (query) return say("Nothing found.");
  return say(archived ? "Nothing is archived." : "No conversations yet.");
}

function say(sentence) {
  if (byId("sessions-status").textContent !== sentence) byId("sessions-status").textContent = sentence;
}

/** A conversation was made or changed: it is the newest now, unless only its dot changed. */
function changed(session) {
  const old = rows.get(session.id)?.session;
  if (!old && (query || archived)) return; // whether it belongs into this list, only the server knows
  const isNewer = old?.updated_at !== session.updated_at;
  changes += 1;
  const { element } = put(session);
  if (isNewer && element !== list().firstElementChild) move(element, list().firstElementChild);
  sayWhetherEmpty();
}

/** Marks the open conversation. */
function markCurrent() {
  for (const row of rows.values()) row.mark();
}

export function start() {
  let typing = null;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      query = event.target.value.trim();
      reload();
    }, 250);
  });
  byId("archived").addEventListener("change", (event) => {
    archived = event.target.checked;
    reload();
  });
  byId("more").addEventListener("click", () => once(byId("more"), more));
  hear("session", (session) => {
    changed(session);
    markCurrent();
  });
  hear("open", () => queueMicrotask(markCurrent));
}
