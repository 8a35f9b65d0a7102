/**
 * Reads an answer to those who listen to the page instead of looking at it.
 *
 * A live region that gets every word makes a screen reader stutter, one that gets the whole text
 * at the end makes its user wait. So whole sentences go into a hidden region as they are complete.
 */

import { byId, make } from "../page/dom.js";

const SENTENCE = /[^.!?\n。！？]*[.!?\n。！？]+(?=\s|$|[^\x00-\x7f])/gu;
const KEPT = 20; // older sentences have been read out; the region must not grow without end
let waiting = "";

/** Adds a piece of the answer. */
export function hearPiece(piece) {
  waiting += piece;
  let end = 0;
  for (const found of waiting.matchAll(SENTENCE)) end = found.index + found[0].length;
  if (end === 0 || end === waiting.length) return; // more of the same sentence may follow
  say(waiting.slice(0, end));
  waiting = waiting.slice(end);
}

/** Reads a sentence of the page's own, at once. */
export const hearState = (sentence) => say(sentence);

/** Reads what is left, then a last word (`Stopped.`). */
export function hearEnd(lastWord = "") {
  say(`${waiting} ${lastWord}`);
  waiting = "";
}

/** Starts anew, without reading what was waiting. */
export function hearNothing() {
  waiting = "";
  byId("announcer").replaceChildren();
}

function say(text) {
  if (!text.trim()) return;
  const region = byId("announcer");
  region.append(make("p", {}, text.trim()));
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}
