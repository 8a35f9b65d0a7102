/** The messages of the open conversation on the page, and paging back in time. */

import { call, realtime } from "../api/api.js";
import { byId, make } from "../page/dom.js";
import { keepFocus, once } from "../page/focus.js";
import { keepPlace } from "./scroll.js";

let sessionId = null;
let cursor = null;
let answers = new Map(); // element -> Answer

const list = () => byId("messages");

export function clear() {
  sessionId = null;
  cursor = null;
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
}

/**
 * Brings the page up to the newest messages, and touches only what changed: who reads or selects
 * something there is not disturbed. Messages that the server does not have yet stay at the end.
 */
export function update(page, makeAnswer) {
  const unsent = [...list().children].filter((element) => !element.dataset.id);
  let at = elementById(page.items[0]?.id);
  if (at === null) {
    fill(sessionId, page, makeAnswer); // another branch, or more messages than a page holds
    list().append(...unsent);
    return true;
  }
  let isChanged = false;
  for (const message of page.items) {
    if (isSame(at, message)) {
      at = at.nextElementSibling;
      continue;
    }
    isChanged = true;
    if (at?.dataset.id === message.id) at = take(at); // its newer form takes the place
    list().insertBefore(elementOf(message, makeAnswer), at);
  }
  while (at?.dataset.id) {
    at = take(at);
    isChanged = true;
  }
  return isChanged;
}

/** Takes an element away and gives the one behind it. */
function take(element) {
  const next = element.nextElementSibling;
  answers.delete(element);
  element.remove();
  return next;
}

const elementById = (id) => [...list().children].find((one) => one.dataset.id === id) ?? null;

function isSame(element, message) {
  if (element?.dataset.id !== message.id) return false;
  if (message.role === "user") return true;
  const { status } = element.dataset;
  return status === message.status && (status === "streaming" || textOf(element) === message.content);
}

const textOf = (element) => element.querySelector(".text").textContent;

export const loadOlder = (makeAnswer) => once(byId("older"), () => older(makeAnswer));

async function older(makeAnswer) {
  const wanted = sessionId;
  if (!cursor) return;
  try {
    const query = new URLSearchParams({ limit: 30, cursor });
    const page = await call("GET", `${realtime}/sessions/${wanted}/messages?${query}`);
    if (sessionId !== wanted) return;
    keepPlace(() => {
      list().prepend(...page.items.map((message) => elementOf(message, makeAnswer)));
      setCursor(page.next_cursor);
    });
  } catch (error) {
    byId("older").textContent = `${error.message} Try again`;
  }
}

function setCursor(next) {
  cursor = next ?? null;
  byId("older").textContent = "Earlier messages";
  const hide = () => (byId("older").hidden = cursor === null);
  keepFocus(hide, () => byId("pane"));
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
  const element = make("article.message.user", {}, speaker, make("div.text", { dir: "auto" }, content));
  if (id) element.dataset.id = id;
  if (parent) element.dataset.parent = parent;
  return element;
}

export function addUser(message) {
  const element = userElement(message);
  list().append(element);
  return element;
}

export function add(answer) {
  answers.set(answer.element, answer);
  list().append(answer.element);
}

/** Puts elements behind all others. */
export const moveToEnd = (...elements) => list().append(...elements);

export const lastAnswer = () => answers.get(list().lastElementChild) ?? null;

/** The answer that the server is writing, as far as it is on the page. */
export function openAnswer() {
  const element = [...list().children].findLast((one) => one.dataset.status === "streaming");
  return answers.get(element) ?? null;
}

/** The newest message that the server has. */
export function newestId() {
  return [...list().children].findLast((one) => one.dataset.id)?.dataset.id ?? null;
}

/** Tells whether a send of which nobody knew arrived: its message is on the page. */
export function hasTurn({ content, after }) {
  const elements = [...list().children];
  const since = elements.findIndex((one) => one.dataset.id === after) + 1;
  const isIt = (one) => one.dataset.id && one.matches(".user") && textOf(one) === content;
  return elements.slice(since).some(isIt);
}

/** Finds the question above an answer, as the server keeps it. */
export async function questionOf(answer) {
  const element = answer.element.previousElementSibling;
  if (!element?.classList.contains("user")) return null;
  const content = textOf(element);
  const before = element.previousElementSibling?.dataset.id;
  if (before || cursor === null) return { element, content, parent_id: before ?? null };
  return element.dataset.parent ? { element, content, parent_id: element.dataset.parent } : null;
}

/** Takes an element and all that follow it off the page. */
export function removeFrom(element) {
  while (element.nextElementSibling) take(element.nextElementSibling);
  take(element);
}

/** Takes the buttons away that try older answers again; an unsent message keeps its own. */
export function forgetRetries() {
  for (const button of list().querySelectorAll("[data-id] .retry")) button.remove();
}

/** Says in place of the messages why they are not there. */
export function showProblem(sentence, retry) {
  const shown = list().querySelector(".problem");
  if (shown?.dataset.sentence === sentence) return; // not read out again at each try
  clear();
  const button = make("button.link", { type: "button", click: retry }, "Try again");
  const problem = make("div.problem", { role: "alert" }, `${sentence} `, button);
  problem.dataset.sentence = sentence;
  list().append(problem);
}
