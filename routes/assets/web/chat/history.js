/** The messages of the open conversation on the page, and paging back in time. */

import { call, realtime } from "../api/api.js";
import { byId, make } from "../page/dom.js";
import { state } from "../page/state.js";
import { keepPlace } from "./scroll.js";

let sessionId = null;
let cursor = null;
let answers = new Map(); // element -> Answer
let newest = null; // id of the newest message that was loaded

const list = () => byId("messages");

export function clear() {
  sessionId = null;
  cursor = null;
  newest = null;
  answers = new Map();
  list().replaceChildren();
  byId("older").hidden = true;
}

/** Shows the newest page of a conversation. */
export function fill(id, page, makeAnswer) {
  clear();
  sessionId = id;
  list().append(...page.items.map((message) => elementOf(message, makeAnswer)));
  setCursor(page.next_cursor);
  newest = page.items.at(-1)?.id ?? null;
}

export async function loadOlder(makeAnswer) {
  const button = byId("older");
  const wanted = sessionId;
  if (!cursor || button.disabled) return;
  button.disabled = true;
  try {
    const query = new URLSearchParams({ limit: 30, cursor });
    const page = await call("GET", `${realtime}/sessions/${wanted}/messages?${query}`);
    if (sessionId !== wanted) return;
    keepPlace(() => {
      list().prepend(...page.items.map((message) => elementOf(message, makeAnswer)));
      setCursor(page.next_cursor);
    });
  } catch (error) {
    button.textContent = `${error.message} Try again`;
  } finally {
    button.disabled = false;
  }
}

function setCursor(next) {
  cursor = next ?? null;
  byId("older").hidden = cursor === null;
  byId("older").textContent = "Earlier messages";
}

function elementOf(message, makeAnswer) {
  if (message.role === "user") return userElement(message);
  const answer = makeAnswer(message);
  answer.element.dataset.id = message.id;
  answers.set(answer.element, answer);
  return answer.element;
}

function userElement({ id, content, parent_id: parent }) {
  const speaker = make("span.unseen", {}, "You: ");
  const element = make("li.message.user", {}, speaker, make("div.text", { dir: "auto" }, content));
  if (id) element.dataset.id = id;
  if (parent) element.dataset.parent = parent;
  return element;
}

export function addUser(message) {
  const element = userElement(message);
  list().append(element);
  return element;
}

export function add(element) {
  list().append(element);
}

/** Counts an answer that was streamed as one that is shown. */
export function remember(answer) {
  answers.set(answer.element, answer);
  newest = answer.message.message_id ?? answer.message.id ?? newest;
  answer.element.dataset.id = newest;
}

export function lastAnswer() {
  return answers.get(list().lastElementChild) ?? null;
}

/** Finds the question above an answer, as the server keeps it. */
export async function questionOf(answer) {
  const element = answer.element.previousElementSibling;
  if (!element?.classList.contains("user")) return null;
  const content = element.querySelector(".text").textContent;
  const before = element.previousElementSibling?.dataset.id;
  if (before || cursor === null) return { element, content, parent_id: before ?? null };
  return element.dataset.parent ? { element, content, parent_id: element.dataset.parent } : null;
}

/** Takes an element and all that follow it off the page. */
export function removeFrom(element) {
  while (element.nextElementSibling) element.nextElementSibling.remove();
  element.remove();
}

/** Takes the buttons away that try older answers again. */
export function forgetRetries() {
  for (const button of byId("messages").querySelectorAll(".retry")) button.remove();
}

/** Tells whether the server has newer messages than the page. */
export async function isBehind() {
  const path = `${realtime}/sessions/${state.sessionId}/messages?limit=1`;
  const page = await call("GET", path).catch(() => null);
  const last = page?.items.at(-1);
  return Boolean(last) && last.id !== newest;
}

/** Says in place of the messages why they are not there. */
export function showProblem(sentence, retry) {
  clear();
  const button = make("button.link", { type: "button", click: retry }, "Try again");
  list().append(make("li.problem", { role: "alert" }, `${sentence} `, button));
}
