/** The list of conversations: search, paging, rename, archive, delete. */

import { call, realtime } from "./api/api.js";
import { ask, sure } from "./page/dialog.js";
import { byId, icon, make, when } from "./page/dom.js";
import { hear, state, tell } from "./page/state.js";

const PAGE = 30;
const shown = new Map(); // session id -> list element
let cursor = null;
let query = "";
let archived = false;
let asked = 0; // counts the questions, so that a late answer to an old one is not shown

const list = () => byId("sessions");
const pathOf = (session) => `${realtime}/sessions/${session.id}`;

function queryString(extra = {}) {
  const wanted = { limit: PAGE, ...extra };
  if (query) wanted.q = query;
  if (archived) wanted.archived = "true";
  return new URLSearchParams(wanted);
}

/** Loads the first page anew. */
export async function reload() {
  const mine = ++asked;
  try {
    const page = await call("GET", `${realtime}/sessions?${queryString()}`);
    if (mine !== asked) return;
    shown.clear();
    list().replaceChildren();
    append(page);
    say(page.items.length ? "" : emptySentence());
  } catch (error) {
    if (mine === asked) say(error.message);
  }
}

async function more() {
  const mine = asked;
  byId("more").disabled = true;
  try {
    const page = await call("GET", `${realtime}/sessions?${queryString({ cursor })}`);
    if (mine === asked) append(page);
  } catch (error) {
    tell("notice", error.message);
  } finally {
    byId("more").disabled = false;
  }
}

function append(page) {
  for (const session of page.items) if (!shown.has(session.id)) list().append(draw(session));
  cursor = page.next_cursor ?? null;
  byId("more").hidden = cursor === null;
}

function emptySentence() {
  if (query) return "Nothing found.";
  return archived ? "Nothing is archived." : "No conversations yet.";
}

function say(sentence) {
  byId("sessions-status").textContent = sentence;
}

function draw(session) {
  const title = session.title || "New conversation";
  const link = make("a.session", { href: `#/s/${session.id}`, title }, make("span.title", {}, title));
  link.append(make("span.when", {}, when(session.updated_at)));
  if (session.active_run) link.append(make("span.dot", { role: "img", "aria-label": "Answering now" }));
  const element = make("li.entry", {}, link, menu(session));
  mark(element, session.id === state.sessionId);
  shown.set(session.id, element);
  return element;
}

function menu(session) {
  const title = session.title || "New conversation";
  const button = (text, click, style = "") => make(`button.item${style}`, { type: "button", click }, text);
  const summary = make("summary", { "aria-label": `Actions for ${title}` }, icon("dots"));
  const choices = make(
    "div.choices",
    {},
    button("Rename", () => rename(session)),
    button(session.archived ? "Take out of the archive" : "Archive", () => setArchived(session)),
    button("Delete", () => remove(session), ".danger"),
  );
  const details = make("details.menu", {}, summary, choices);
  details.addEventListener("click", (event) => {
    if (event.target.closest(".item")) details.open = false;
  });
  return details;
}

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    tell("notice", error.message);
    return null;
  }
}

async function rename(session) {
  const title = await ask("Rename the conversation", "Title", session.title ?? "");
  if (!title || title === session.title) return;
  const changed = await attempt(() => call("PATCH", pathOf(session), { body: { title } }));
  if (changed) tell("session", changed);
}

async function setArchived(session) {
  const body = { archived: !session.archived };
  const changed = await attempt(() => call("PATCH", pathOf(session), { body }));
  if (changed) drop(session.id); // it is in the other list now
}

async function remove(session) {
  const name = session.title || "New conversation";
  const text = `“${name}” and all its messages will be gone.`;
  if (!(await sure("Delete the conversation?", text, "Delete"))) return;
  const isGone = await attempt(() => call("DELETE", pathOf(session)).then(() => true));
  if (!isGone) return;
  drop(session.id);
  tell("removed", session.id);
}

function drop(id) {
  shown.get(id)?.remove();
  shown.delete(id);
  if (!shown.size) say(emptySentence());
}

/** A conversation was made or changed: it is the newest now, unless only its dot changed. */
function put(session) {
  const old = shown.get(session.id);
  if (!old && (query || archived)) return; // whether it belongs into this list, only the server knows
  const isFirst = list().firstElementChild === old;
  const element = draw(session);
  if (old && (isFirst || old.dataset.updated === session.updated_at)) old.replaceWith(element);
  else {
    old?.remove();
    list().prepend(element);
  }
  element.dataset.updated = session.updated_at;
  say("");
}

function mark(element, isCurrent) {
  if (isCurrent) element.firstElementChild.setAttribute("aria-current", "page");
  else element.firstElementChild.removeAttribute("aria-current");
}

/** Marks the open conversation. */
export function markCurrent() {
  for (const [id, element] of shown) mark(element, id === state.sessionId);
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
  byId("more").addEventListener("click", more);
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(event));
  hear("session", put);
  hear("open", () => queueMicrotask(markCurrent));
}

function closeMenus(event) {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "keydown" || !open.contains(event.target)) open.open = false;
  }
}
