/** The open conversation: its messages, the answer that is being written, sending and stopping. */

import { call, realtime } from "../api/api.js";
import { byId } from "../page/dom.js";
import { hear, state, tell } from "../page/state.js";
import { hearNothing } from "./announce.js";
import { Answer } from "./answer.js";
import * as composer from "./composer.js";
import * as history from "./history.js";
import { choice } from "./models.js";
import { grown, stick } from "./scroll.js";
import { attach, deliver, newTurn, stop } from "./turn.js";

let live = null; // {controller, answer, runId, isStopping} of the answer that is being written

/** Shows a conversation; null is a new one. */
async function show(sessionId) {
  leave();
  state.sessionId = sessionId;
  history.clear();
  showTitle(null);
  byId("welcome").hidden = sessionId !== null;
  composer.ready();
  if (sessionId === null) return composer.focus();
  return load(sessionId);
}

async function load(sessionId) {
  const path = `${realtime}/sessions/${sessionId}`;
  try {
    const session = await call("GET", path);
    const page = await call("GET", `${path}/messages?limit=30`);
    if (state.sessionId !== sessionId) return; // the user has gone on meanwhile
    showTitle(session.title);
    history.fill(sessionId, page, (message) => new Answer(message, grown));
    stick();
    if (session.active_run) watch(session.active_run);
    else offerRetry();
  } catch (error) {
    if (state.sessionId !== sessionId) return;
    if (error.status === 404) return tell("go", null);
    history.showProblem(error.message, () => show(sessionId));
  }
}

function showTitle(title) {
  const text = title || "New conversation";
  byId("title").textContent = text;
  document.title = state.sessionId ? `${text} · Charla` : "Charla";
}

/** Stops reading, not the run: it goes on without us and is there when we come back. */
function leave() {
  live?.controller.abort();
  live = null;
  hearNothing();
  composer.connection("open");
}

function begin(answer) {
  live?.controller.abort();
  const own = { controller: new AbortController(), answer, runId: null, isStopping: false };
  live = own;
  composer.busy();
  return own;
}

const handlersOf = (own, turn = null) => ({
  signal: own.controller.signal,
  onRun: (runId) => {
    own.runId = runId;
    if (own.isStopping) requestStop(own); // the button was faster than the server
  },
  onEvent: (event) => {
    own.runId = event.run_id ?? own.runId;
    if (event.type === "start" && turn) turn.user.dataset.id = event.user_message_id;
    own.answer.apply(event);
  },
  onConnection: composer.connection,
  onSession: (session) => {
    state.sessionId = session.id;
    // The address must not be asked for again: this conversation is on the screen already.
    globalThis.history.replaceState(null, "", `#/s/${session.id}`);
    showTitle(session.title);
    tell("session", session);
  },
});

/** Sends a message; `parent` hangs it elsewhere than behind the last one (a new try). */
export async function send(content, parent = {}) {
  const body = { content, ...choice(), ...parent };
  const turn = newTurn(state.sessionId, body);
  byId("welcome").hidden = true;
  history.forgetRetries(); // a new try of an older answer would take this turn out of the view
  turn.content = content;
  turn.user = history.addUser({ content });
  turn.answer = new Answer({}, grown);
  history.add(turn.answer.element);
  stick();
  await attempt(turn);
}

async function attempt(turn) {
  const own = begin(turn.answer);
  turn.answer.restart();
  try {
    const terminal = await deliver(turn, handlersOf(own, turn));
    if (live === own) await ended(terminal);
  } catch (error) {
    if (live === own) refused(turn, error);
  }
}

/** Follows the run that is under way: after a reload, from a second tab, after a 409. */
async function watch(runId) {
  const last = history.lastAnswer();
  const isOpen = last?.element.dataset.status === "streaming";
  const answer = isOpen ? last : new Answer({}, grown);
  if (!isOpen) history.add(answer.element);
  const own = begin(answer);
  own.runId = runId;
  try {
    const terminal = await attach(runId, handlersOf(own));
    if (live === own) await ended(terminal);
  } catch (error) {
    if (live !== own) return;
    live = null;
    composer.ready();
    answer.fail(error.message, () => show(state.sessionId));
  }
}

async function ended(terminal) {
  const { answer } = live;
  live = null;
  composer.ready();
  composer.connection("open");
  const sessionId = state.sessionId;
  if (terminal === null) return load(sessionId); // it ended before we came
  history.remember(answer);
  if (terminal.type === "error" && terminal.retryable) answer.offerRetry(() => again(answer));
  const session = await call("GET", `${realtime}/sessions/${sessionId}`).catch(() => null);
  if (session && state.sessionId === sessionId) showTitle(session.title);
  return session && tell("session", session);
}

function refused(turn, error) {
  live = null;
  composer.ready();
  composer.connection("open");
  if (error.code === "run_active") {
    composer.giveBack(turn.content);
    tell("notice", "This conversation is still answering. Here is that answer; your message waits below.");
    return show(state.sessionId);
  }
  if (!error.retryable) composer.giveBack(turn.content);
  return turn.answer.fail(error.message, error.retryable ? () => attempt(turn) : null);
}

/** Asks anew after a failed answer: a sibling of the failed question, which then leaves the view. */
async function again(answer) {
  const question = await history.questionOf(answer);
  if (!question || live) return;
  history.removeFrom(question.element);
  await send(question.content, { parent_id: question.parent_id });
}

function offerRetry() {
  const last = history.lastAnswer();
  const status = last?.element.dataset.status;
  if (status === "failed" || status === "interrupted") last.offerRetry(() => again(last));
}

async function requestStop(own) {
  own.isStopping = true;
  composer.stopping();
  if (!own.runId) return; // sent as soon as the run has a name
  try {
    await stop(own.runId);
  } catch (error) {
    own.isStopping = false;
    if (live === own) composer.busy();
    tell("notice", error.message);
  }
}

/** Another tab or another device may have written meanwhile. */
async function lookAgain() {
  const sessionId = state.sessionId;
  if (document.hidden || live || !sessionId) return;
  const session = await call("GET", `${realtime}/sessions/${sessionId}`).catch(() => null);
  if (!session || live || state.sessionId !== sessionId) return;
  tell("session", session);
  if (session.active_run || (await history.isBehind())) load(sessionId);
}

export function start() {
  hear("open", show);
  hear("removed", (id) => id === state.sessionId && tell("go", null));
  hear("session", (session) => session.id === state.sessionId && showTitle(session.title));
  composer.start({ send, stop: () => live && requestStop(live) });
  document.addEventListener("visibilitychange", lookAgain);
  byId("older").addEventListener("click", () => history.loadOlder((m) => new Answer(m)));
  byId("welcome").addEventListener("click", (event) => {
    const idea = event.target.closest("[data-idea]");
    if (idea) composer.propose(idea.dataset.idea);
  });
}
