/** One row of the list of conversations: its link, and its menu (rename, archive, delete). */

import { call, realtime } from "./api/api.js";
import { ask, sure } from "./page/dialog.js";
import { byId, icon, make, when } from "./page/dom.js";
import { keepFocus } from "./page/focus.js";
import { state, tell } from "./page/state.js";

const MARGIN = 8; // pixels between a menu and the window's edge
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

const pathOf = (session) => `${realtime}/sessions/${session.id}`;
const titleOf = (session) => session.title || "New conversation";

export class SessionRow {
  /** `onGone()` is called when the conversation was deleted or went to the other list. */
  constructor(session, onGone) {
    this.onGone = onGone;
    this.title = make("span.title");
    this.when = make("span.when");
    this.dot = make("span.dot", { role: "img", "aria-label": "Answering now" });
    this.link = make("a.session", {}, this.title, this.dot, this.when);
    this.actions = make("button.actions", { type: "button", "aria-haspopup": "true" }, icon("dots"));
    // A press beside an open menu closes it: it must not be opened again by the same press.
    this.actions.addEventListener("pointerdown", () => (this.wasOpen = Boolean(this.menu)));
    this.actions.addEventListener("click", ({ detail }) => (detail && this.wasOpen) || this.#openMenu());
    this.element = make("li.entry", {}, this.link, this.actions);
    this.update(session);
    this.mark();
  }

  /** Shows what changed; the row stays, and with it its menu and the focus. */
  update(session) {
    const title = titleOf(session);
    this.session = session;
    this.link.setAttribute("href", `#/s/${session.id}`);
    this.link.setAttribute("title", title);
    this.title.textContent = title;
    this.when.textContent = when(session.updated_at);
    this.dot.hidden = !session.active_run;
    this.actions.setAttribute("aria-label", `Actions for ${title}`);
  }

  /** Shows whether it is the open conversation. */
  mark() {
    if (this.session.id === state.sessionId) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }

  /** Takes the row away; the focus goes to its neighbour. */
  remove() {
    const near = this.element.nextElementSibling ?? this.element.previousElementSibling;
    const next = () => near?.querySelector("a") ?? byId("new");
    keepFocus(() => this.element.remove(), next);
  }

  /** A popover is above everything, so the list's edge does not cut it off. */
  #openMenu() {
    const { archived } = this.session;
    const item = (text, click, style = "") =>
      make(`button.item${style}`, { type: "button", click: () => this.#choose(click) }, text);
    const menu = make(
      "div.choices",
      { popover: "auto", role: "group", "aria-label": `Actions for ${titleOf(this.session)}` },
      item("Rename", () => this.#rename()),
      item(archived ? "Take out of the archive" : "Archive", () => this.#setArchived(!archived)),
      item("Delete", () => this.#delete(), ".danger"),
    );
    const hide = () => menu.isConnected && menu.hidePopover();
    const moving = { signal: this.#untilClosed(menu), passive: true };
    menu.addEventListener("keydown", (event) => step(event, [...menu.children]));
    menu.addEventListener("focusout", ({ relatedTarget: to }) => to && !menu.contains(to) && hide());
    this.element.closest(".list").addEventListener("scroll", () => place(menu, this.actions), moving);
    addEventListener("resize", hide, moving);
    this.element.append(menu);
    menu.showPopover();
    place(menu, this.actions);
    menu.firstElementChild.focus({ preventScroll: true });
    this.menu = menu;
    this.actions.setAttribute("aria-expanded", "true");
  }

  /** Takes a menu away when it has closed, and tells so by the signal. */
  #untilClosed(menu) {
    const closing = new AbortController();
    menu.addEventListener("toggle", ({ newState }) => {
      if (newState !== "closed") return;
      closing.abort();
      menu.remove();
      if (this.menu !== menu) return;
      this.menu = null;
      this.actions.setAttribute("aria-expanded", "false");
    });
    return closing.signal;
  }

  #choose(action) {
    this.actions.focus(); // where the focus comes back to
    this.menu.hidePopover();
    action();
  }

  async #rename() {
    const title = await ask("Rename the conversation", "Title", this.session.title ?? "");
    if (!title || title === this.session.title) return;
    const changed = await attempt(() => call("PATCH", pathOf(this.session), { body: { title } }));
    if (changed) tell("session", changed);
    if (changed) tell("mine");
  }

  async #setArchived(archived) {
    const isDone = await attempt(() => call("PATCH", pathOf(this.session), { body: { archived } }));
    if (isDone) this.#gone();
  }

  async #delete() {
    const text = `“${titleOf(this.session)}” and all its messages will be gone.`;
    if (!(await sure("Delete the conversation?", text, "Delete"))) return;
    const isDone = await attempt(() => call("DELETE", pathOf(this.session)).then(() => true));
    if (!isDone) return;
    this.#gone();
    tell("removed", this.session.id);
  }

  #gone() {
    this.onGone();
    tell("mine");
  }
}

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    tell("notice", error.message);
    return null;
  }
}

function step(event, items) {
  const by = STEPS[event.key];
  if (!by) return;
  event.preventDefault();
  items.at((items.indexOf(document.activeElement) + by) % items.length).focus();
}

/** Puts a menu under its button, or above where there is no room below; never out of sight. */
function place(menu, button) {
  const { right, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const fits = bottom + height + MARGIN <= innerHeight;
  const left = Math.min(right - width, innerWidth - width - MARGIN);
  menu.style.left = `${Math.max(MARGIN, left)}px`;
  menu.style.top = `${Math.max(MARGIN, fits ? bottom : top - height)}px`;
}
