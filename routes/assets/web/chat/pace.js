/**
 * Shows that a model is at work before its words come, and for how long: dots that move, and
 * seconds, which also change where nothing may move (prefers-reduced-motion).
 *
 * It is for eyes only: seconds that are read out each second would drown everything else.
 */

import { make } from "../page/dom.js";

const FROM_SECONDS = 2; // below that nobody waits

export class Pace {
  constructor() {
    this.seconds = make("span.seconds");
    this.element = make("span.pace", { hidden: true, "aria-hidden": "true" }, dots(), this.seconds);
  }

  /** Begins to count, unless it does already. */
  start() {
    if (this.since) return;
    this.since = Date.now();
    this.element.hidden = false;
    this.#show();
    this.timer = setInterval(() => this.#show(), 1000);
  }

  /** Ends, and gives the whole seconds that it took; 0 where it was not begun. */
  end() {
    const seconds = this.since ? this.#count() : 0;
    clearInterval(this.timer);
    this.since = null;
    this.element.hidden = true;
    return seconds;
  }

  #count() {
    return Math.round((Date.now() - this.since) / 1000);
  }

  #show() {
    const count = this.#count();
    this.seconds.textContent = count < FROM_SECONDS ? "" : `${count} s`;
    if (!this.element.isConnected && count > FROM_SECONDS) this.end(); // the user has left
  }
}

const dots = () => make("span.dots", {}, make("i"), make("i"), make("i"));
