/** The open conversation: its messages, sending, and what others did in it meanwhile. */

import { call, realtime } from "../api/api.js";
import { untilDone } from "../api/patience.js";
import { byId } from "../page/dom.js";
import { keepFocus } from "../page/focus.js";
import { hear, state, tell } from "../page/state.js";
import { Answer } from "./answer.js";
import * as composer from "./composer.js";
import * as drafts from "./drafts.js";
import * as history from "./history.js";
import * as live from "./live.js";
import { choice } from "./models.js";
import { grown, stick } from "./scroll.js";
import { attach, deliver, newTurn } from "./turn.js";

const PAGE = 30;

let moves = 0; // counts what begins and ends here: a question that was asked before is out of date
let shown = null; // `updated_at` of the conversation that the page shows; null while it is loading

const makeAnswer = (message) => new Answer(message, grown);

/** Shows a conversation; null is a new one. */
async function show(sessionId) {
  moves += 1;
  shown = null;
  live.leave();
  state.sessionId = sessionId;
  history.clear();
  showTitle(null);
  byId("welcome").hidden = sessionId !== null;
  composer.show(sessionId);
  if (sessionId !== null) return load(sessionId);
  composer.giveBack(drafts.of(null).unsent);
  return composer.focus();
}

async function load(sessionId) {
  const mine = moves;
  const found = await untilDone(() => ask(sessionId), {
    isWanted: () => mine === moves,
    onProblem: (error, goesOn) => {
      if (error.status === 404) return leaveGone();
      const text = goesOn ? `${error.reason} Trying again …` : error.message;
      return history.showProblem(text, () => show(sessionId));
    },
  });
  if (!found || mine !== moves) return;
  showTitle(found.session.title);
  history.fill(sessionId, found.page, makeAnswer);
  stick();
  composer.forgetSent(history.hasTurn);
  composer.giveBack(unsentIn(sessionId));
  goOn(found.session);
}

/** Asks for the conversation first: what happens between the two is then noticed later. */
async function ask(sessionId) {
  const path = `${realtime}/sessions/${sessionId}`;
  const session = await call("GET", path);
  return { session, page: await call("GET", `${path}/messages?limit=${PAGE}`) };
}

/** The sends that the server did not get; what it got is on the page by now. */
function unsentIn(sessionId) {
  const { unsent } = drafts.of(sessionId);
  for (const turn of unsent.filter(history.hasTurn)) drafts.dropUnsent(sessionId, turn);
  return unsent.filter((turn) => !history.hasTurn(turn));
}

/** The messages are on the page: follow the answer that is being written, if there is one. */
function goOn(session) {
  shown = session.updated_at;
  if (!session.active_run) offerRetry();
  else if (history.openAnswer()) watch(session.active_run);
  else shown = ""; // it ended between the two questions: ask again soon
}

/**
 * Looks at what others did in the open conversation: another window, another device.
 * `sessions` are those of the list; it throws where the server cannot be asked.
 */
export async function look(sessions) {
  const sessionId = state.sessionId;
  const mine = moves;
  const isStale = () => mine !== moves;
  if (sessionId === null || shown === null || live.isReading()) return;
  try {
    const path = `${realtime}/sessions/${sessionId}`;
    const session = sessions.find(({ id }) => id === sessionId) ?? (await call("GET", path));
    if (isStale()) return;
    showTitle(session.title);
    if (session.updated_at === shown && !session.active_run) return;
    const page = await call("GET", `${path}/messages?limit=${PAGE}`);
    if (isStale()) return;
    if (history.update(page, makeAnswer)) grown();
    composer.forgetSent(history.hasTurn);
    goOn(session);
  } catch (error) {
    if (error.status !== 404) throw error;
    if (isStale()) return;
    leaveGone();
    tell("notice", "This conversation was deleted in another window or on another device.");
  }
}

/** Leaves a conversation that the server does not have (any more); nothing written is lost. */
function leaveGone() {
  composer.outlive();
  tell("go", null);
}

function showTitle(title) {
  const text = title || "New conversation";
  byId("title").textContent = text;
  document.title = state.sessionId ? `${text} · Charla` : "Charla";
}

/**
 * Sends a message; `parent` hangs it elsewhere than behind the last one (a new try), `before` is
 * what it was when it was sent without success.
 */
async function send(content, before = null, parent = {}) {
  const turn = newTurn(state.sessionId, { content, ...choice(), ...parent }, before);
  byId("welcome").hidden = true;
  history.forgetRetries(); // a new try of an older answer would take this turn out of the view
  turn.content = content;
  turn.place = state.sessionId;
  turn.after = before?.after ?? history.newestId();
  drafts.keepUnsent(turn.place, turn);
  turn.user = history.addUser({ content });
  turn.answer = new Answer({}, grown);
  history.add(turn.answer);
  stick();
  await attempt(turn);
}

async function attempt(turn) {
  if (live.isReading()) return;
  moves += 1;
  const reading = live.read(turn.answer, (handlers) => deliver(turn, handlers), listenersOf(turn));
  history.moveToEnd(turn.user, turn.answer.element); // others may have been sent meanwhile
  keepFocus(() => turn.answer.restart(), () => byId("stop"));
  try {
    const end = await reading;
    if (!end) return;
    tell("mine");
    await ended(turn.answer, end);
  } catch (error) {
    moves += 1;
    refused(turn, error);
  }
}

const listenersOf = (turn) => ({
  onRun: () => {
    drafts.dropUnsent(turn.place, turn); // the server has it
    tell("mine");
  },
  onStart: (event) => {
    turn.user.dataset.id = event.user_message_id;
  },
  onSession: (session) => {
    state.sessionId = session.id;
    // The address must not be asked for again: this conversation is on the screen already.
    globalThis.history.replaceState(null, "", `#/s/${session.id}`);
    composer.becameSession(session.id);
    turn.place = session.id;
    drafts.dropUnsent(turn.place, turn);
    shown = session.updated_at;
    showTitle(session.title);
    tell("session", session);
  },
});

/** Follows the run that is under way: after a reload, or one that was begun elsewhere. */
async function watch(runId) {
  const answer = history.openAnswer();
  moves += 1;
  try {
    const end = await live.read(answer, (handlers) => attach(runId, handlers), { runId });
    if (end) await ended(answer, end);
  } catch (error) {
    moves += 1;
    answer.fail(error.message, () => show(state.sessionId));
  }
}

async function ended(answer, { terminal, begunAt }) {
  const sessionId = state.sessionId;
  moves += 1;
  const mine = moves;
  // It ended before we came, or it was sent before the older messages were here.
  if (terminal === null || shown === null) return load(sessionId);
  shown = begunAt ?? shown; // a run that begins is the last change of its conversation
  if (terminal.type === "error" && terminal.retryable) answer.offerRetry(() => again(answer));
  const session = await call("GET", `${realtime}/sessions/${sessionId}`).catch(() => null);
  if (!session || mine !== moves) return null;
  showTitle(session.title);
  return tell("session", session);
}

function refused(turn, error) {
  if (error.code === "run_active") {
    composer.giveBack([turn]);
    tell("notice", "This conversation is still answering. Here is that answer; your message waits below.");
    return show(state.sessionId);
  }
  if (!error.retryable) composer.giveBack([turn]);
  return turn.answer.fail(error.message, error.retryable ? () => attempt(turn) : null);
}

/** Asks anew after a failed answer: a sibling of the failed question, which then leaves the view. */
async function again(answer) {
  const question = await history.questionOf(answer);
  if (!question || live.isReading()) return;
  keepFocus(() => history.removeFrom(question.element), () => byId("content"));
  await send(question.content, null, { parent_id: question.parent_id });
}

function offerRetry() {
  const last = history.lastAnswer();
  const { id, status } = last?.element.dataset ?? {};
  if (!id || (status !== "failed" && status !== "interrupted")) return;
  history.forgetRetries();
  last.offerRetry(() => again(last));
}

export function start() {
  hear("open", show);
  hear("removed", (id) => {
    drafts.forget(id);
    if (id === state.sessionId) tell("go", null);
  });
  hear("session", (session) => session.id === state.sessionId && showTitle(session.title));
  composer.start({ send, stop: live.requestStop });
  byId("older").addEventListener("click", () => history.loadOlder((m) => new Answer(m)));
}
