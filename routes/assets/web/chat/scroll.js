/** Follows the growing answer, but only while the reader is at the bottom. */

import { byId } from "../page/dom.js";

const NEAR = 48; // pixels that still count as the bottom
let isPinned = true;

const pane = () => byId("pane");
const distance = () => pane().scrollHeight - pane().scrollTop - pane().clientHeight;

/** Something grew: stay at the bottom if the reader was there. */
export function grown() {
  if (isPinned) pane().scrollTop = pane().scrollHeight;
  else byId("latest").hidden = false;
}

/** Goes to the bottom and stays there. */
export function stick() {
  isPinned = true;
  byId("latest").hidden = true;
  pane().scrollTop = pane().scrollHeight;
}

/** Changes something above without moving what the reader sees. */
export function keepPlace(change) {
  const before = pane().scrollHeight - pane().scrollTop;
  change();
  pane().scrollTop = pane().scrollHeight - before;
}

export function start() {
  pane().addEventListener("scroll", () => {
    isPinned = distance() < NEAR;
    if (isPinned) byId("latest").hidden = true;
  });
  byId("latest").addEventListener("click", stick);
  new ResizeObserver(() => isPinned && stick()).observe(pane()); // a phone's keyboard opened
}
