/** The field that messages are written in, its button (send or stop), and what it says. */

import { byId } from "../page/dom.js";
import { hear } from "../page/state.js";

const TALLEST = 220; // pixels; longer texts scroll inside the field
let isBusy = false;

const field = () => byId("content");

/** Grows the field with its text; measured here because not every browser has field-sizing. */
function fit() {
  field().style.height = "auto";
  field().style.height = `${Math.min(field().scrollHeight, TALLEST)}px`;
  byId("send").disabled = !field().value.trim();
}

function setMode(busy, stopping = false) {
  isBusy = busy;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  byId("stop").disabled = stopping;
  byId("stop").setAttribute("aria-label", stopping ? "Stopping" : "Stop the answer");
}

/** A message may be sent. */
export function ready() {
  const hadFocus = document.activeElement === byId("stop");
  setMode(false);
  fit();
  if (hadFocus) focus(); // the button under the keyboard's focus has gone
}

/** An answer is being written: it may be stopped. */
export const busy = () => setMode(true);

export const stopping = () => setMode(true, true);

/** Shows whether the stream is connected. */
export function connection(is) {
  byId("connection").hidden = is === "open";
}

export function focus() {
  if (matchMedia("(hover: hover)").matches) field().focus(); // no keyboard over a phone's screen
}

/** Puts a text that could not be sent back, in front of what was typed meanwhile. */
export function giveBack(text) {
  field().value = field().value ? `${text}\n${field().value}` : text;
  fit();
}

/** Puts an idea into the field. */
export function propose(text) {
  field().value = text;
  fit();
  field().focus();
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

export function start({ send, stop }) {
  const submit = () => {
    const content = field().value;
    if (isBusy || !content.trim()) return;
    field().value = "";
    fit();
    send(content);
  };
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field().addEventListener("input", fit);
  field().addEventListener("keydown", (event) => {
    // isComposing: Enter chooses a word in an input method (Japanese, Chinese) and sends nothing.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  byId("stop").addEventListener("click", stop);
  hear("notice", notice);
  fit();
}
