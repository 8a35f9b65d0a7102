/** The field that messages are written in, its button (send or stop), and what it says. */

import { byId } from "../page/dom.js";
import { goToField, keepFocus } from "../page/focus.js";
import { isEnter } from "../page/keys.js";
import { hear } from "../page/state.js";
import * as drafts from "./drafts.js";

const TALLEST = 220; // pixels; longer texts scroll inside the field
const SAVE_MS = 300; // after the last key
const STREAM_LOST = "The connection is lost. The answer goes on at the server; reconnecting …";
const UNREACHABLE = "The server cannot be reached. Trying again …";

let isBusy = false;
let place = null; // the conversation of the text in the field
let saved = ""; // what this window has kept of it
let isOwn = false; // it was typed in this window
let turn = null; // the send that the text was, where it is one that came back
let saving = null;
let isStreamLost = false;
let isUnreachable = false;

const field = () => byId("content");

/** Grows the field with its text; measured here because not every browser has field-sizing. */
function fit() {
  const { style, offsetHeight } = byId("composer");
  style.minHeight = `${offsetHeight}px`; // measuring must not move the conversation above it
  field().style.height = "auto";
  field().style.height = `${Math.min(field().scrollHeight, TALLEST)}px`;
  style.minHeight = "";
  byId("send").setAttribute("aria-disabled", String(!field().value.trim()));
}

function put(text) {
  field().value = text;
  fit();
}

function take({ text, turn: before = null }) {
  isOwn = false;
  saved = text;
  turn = before;
  put(text);
}

/** Shows the draft of a conversation (null: of a new one), after keeping that of the last. */
export function show(sessionId) {
  save();
  place = sessionId;
  const draft = drafts.of(place);
  take(draft);
  setMode(false);
}

/** Empties the field without keeping its text: it belongs to a user who has gone. */
export function clear() {
  clearTimeout(saving);
  take({ text: "" });
}

/** The new conversation has an id now. */
export function becameSession(sessionId) {
  save();
  drafts.becameSession(sessionId);
  place = sessionId;
}

/** The conversation is gone: what stands in the field is for the next one. */
export function outlive() {
  clearTimeout(saving);
  saved = field().value;
  drafts.outlive(place, saved);
}

function save() {
  clearTimeout(saving);
  const text = field().value;
  if (text === saved) return;
  saved = text;
  if (turn?.content !== text) turn = null; // it is another message now
  drafts.change(place, { text, turn });
}

function setMode(busy, stopping = false) {
  const next = () => (matchMedia("(hover: hover)").matches ? field() : byId(busy ? "stop" : "send"));
  keepFocus(() => {
    isBusy = busy;
    byId("send").hidden = busy;
    byId("stop").hidden = !busy;
  }, next);
  // Not `disabled`, which would take the focus away.
  byId("stop").setAttribute("aria-disabled", String(stopping));
  byId("stop").setAttribute("aria-label", stopping ? "Stopping" : "Stop");
}

/** A message may be sent. */
export const ready = () => setMode(false);

/** An answer is being written: it may be stopped. */
export const busy = () => setMode(true);

export const stopping = () => setMode(true, true);

/** Shows whether the stream of the answer is connected: "open" or "lost". */
export function connection(is) {
  isStreamLost = is === "lost";
  showConnection();
}

function showConnection() {
  const sentence = isStreamLost ? STREAM_LOST : isUnreachable ? UNREACHABLE : "";
  if (sentence) byId("connection").textContent = sentence;
  byId("connection").hidden = !sentence;
}

export const focus = () => goToField(field());

/** Puts sends that did not succeed back, in front of what was typed meanwhile. */
export function giveBack(turns) {
  if (!turns.length) return;
  save();
  for (const one of turns) drafts.dropUnsent(place, one);
  turn = turns.length === 1 && !field().value ? drafts.bare(turns[0]) : null;
  const texts = [...turns.map((one) => one.content), field().value];
  put(texts.filter(Boolean).join("\n"));
  save();
}

/** Empties the field where its text is a send that did arrive, as `isThere(turn)` says. */
export function forgetSent(isThere) {
  if (!turn || field().value !== turn.content || !isThere(turn)) return;
  put("");
  save();
}

/** Puts an idea into the field. */
function propose(text) {
  put(text);
  save();
  focus();
}

let hiding = null;
function notice(sentence) {
  byId("notice").textContent = sentence;
  byId("notice").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    byId("notice").hidden = true;
  }, 8000);
}

function submit(send) {
  const content = field().value;
  if (isBusy || !content.trim()) return;
  save();
  const again = turn;
  put("");
  save();
  isOwn = false;
  send(content, again);
}

/** Another window changed the draft: follow it, but never lose what was typed here. */
function follow(sessionId, draft) {
  if (sessionId !== place) return;
  if (draft.unsent.some(({ content }) => content === field().value)) take({ text: "" }); // it was sent
  else if (!isOwn) take(draft);
}

/** The window goes away, perhaps for ever: when it comes back, it has its own text again. */
function leave() {
  if (isOwn && field().value) saved = null;
  save();
}

/** `send(content, turn)` gets the turn that `content` was before, where it came back unsent. */
export function start({ send, stop }) {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(send);
  });
  field().addEventListener("input", () => {
    isOwn = true;
    fit();
    clearTimeout(saving);
    saving = setTimeout(save, SAVE_MS);
  });
  field().addEventListener("keydown", (event) => {
    if (!isEnter(event) || event.shiftKey) return;
    event.preventDefault();
    submit(send);
  });
  byId("stop").addEventListener("click", stop);
  byId("welcome").addEventListener("click", (event) => {
    const idea = event.target.closest("[data-idea]");
    if (idea) propose(idea.dataset.idea);
  });
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.hidden && leave()); // phones say no more
  drafts.hearOthers(follow);
  hear("notice", notice);
  hear("reach", (isReached) => {
    isUnreachable = !isReached;
    showConnection();
  });
  fit();
}
