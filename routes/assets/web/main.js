/** Starts the page: who is logged in, and which conversation the address names (`#/s/<id>`). */

import * as login from "./api/login.js";
import * as auth from "./auth.js";
import { untilDone } from "./api/patience.js";
import * as chat from "./chat/chat.js";
import * as composer from "./chat/composer.js";
import * as drafts from "./chat/drafts.js";
import * as models from "./chat/models.js";
import * as scroll from "./chat/scroll.js";
import * as links from "./links.js";
import * as news from "./news.js";
import { byId } from "./page/dom.js";
import * as kept from "./page/kept.js";
import * as keys from "./page/keys.js";
import { hear, state, tell } from "./page/state.js";
import * as sessions from "./sessions.js";

const NARROW = "(width <= 760px)"; // as in the style sheets
const ADDRESS = /^#\/s\/([0-9a-f-]{36})$/i;

const UNKEPT =
  "This browser keeps nothing (more) for this page: its storage is blocked or full. " +
  "Go on as you like, but a reload may log you out.";

function route() {
  closeDrawer();
  tell("open", ADDRESS.exec(location.hash)?.[1] ?? null);
}

const isDrawerOpen = () => byId("app").classList.contains("drawer-open");

/** Opens or closes the drawer of a narrow window; the conversation below it cannot be reached. */
function setDrawer(isOpen) {
  byId("app").classList.toggle("drawer-open", isOpen);
  byId("menu").setAttribute("aria-expanded", String(isOpen));
  byId("chat").inert = isOpen;
}

function openDrawer() {
  setDrawer(true);
  byId("new").focus(); // not the search field, which would raise a phone's keyboard
}

function closeDrawer() {
  if (!isDrawerOpen()) return;
  setDrawer(false);
  byId("menu").focus(); // not into nowhere
}

function enter(user) {
  byId("auth").hidden = true;
  byId("app").hidden = false;
  byId("user").textContent = user?.name || user?.email || "";
  drafts.belongTo(user);
  models.load();
  sessions.reload();
  route();
  if (kept.isLosing()) tell("notice", UNKEPT);
}

function goNew() {
  if (location.hash && location.hash !== "#/") location.hash = "#/"; // the change is heard below
  else route();
}

function hashChanged() {
  const link = links.read();
  if (link) auth.show("", link); // it was put into the address of a page that was open
  else if (login.token()) route();
}

async function boot() {
  const link = links.read();
  if (link) return auth.show("", link);
  if (!login.isKnown()) return auth.show();
  // Where nobody answers, the login is still good: try again instead of asking for it.
  const onProblem = () => (byId("boot").hidden = false);
  const isIn = await untilDone(login.refresh, { isWanted: login.isKnown, onProblem });
  byId("boot").hidden = true;
  return isIn && enter(login.user()); // where not, the login says that it ended
}

keys.start();
auth.start(enter);
models.start();
sessions.start();
scroll.start();
chat.start();
addEventListener("hashchange", hashChanged);
news.start(async () => chat.look(await sessions.refresh()));
login.login.addEventListener("end", (event) => {
  if (!event.detail) {
    composer.clear(); // the user left, and leaves no texts behind
    drafts.forgetAll();
  }
  state.sessionId = null;
  tell("open", null);
  const link = links.read(); // for whoever opened it, not for whose login has ended
  if (!link) history.replaceState(null, "", location.pathname); // the next need not see its name
  auth.show(event.detail, link);
});
byId("new").addEventListener("click", goNew);
byId("menu").addEventListener("click", openDrawer);
byId("shade").addEventListener("click", closeDrawer);
document.addEventListener("keydown", ({ key, isComposing }) => {
  const isMenus = document.querySelector(":popover-open, dialog[open]"); // what Escape closes first
  if (key === "Escape" && !isMenus && !isComposing) closeDrawer();
});
matchMedia(NARROW).addEventListener("change", closeDrawer);
hear("go", goNew);
hear("unkept", () => byId("app").hidden || tell("notice", UNKEPT));
boot();
