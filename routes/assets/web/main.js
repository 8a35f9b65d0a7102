/** Starts the page: who is logged in, and which conversation the address names (`#/s/<id>`). */

import * as login from "./api/login.js";
import * as auth from "./auth.js";
import * as chat from "./chat/chat.js";
import * as models from "./chat/models.js";
import * as scroll from "./chat/scroll.js";
import { byId } from "./page/dom.js";
import { hear, state, tell } from "./page/state.js";
import * as sessions from "./sessions.js";

const ADDRESS = /^#\/s\/([0-9a-f-]{36})$/i;

function route() {
  closeDrawer();
  tell("open", ADDRESS.exec(location.hash)?.[1] ?? null);
}

function closeDrawer() {
  if (byId("drawer").contains(document.activeElement)) byId("menu").focus(); // not into nowhere
  byId("app").classList.remove("drawer-open");
  byId("menu").setAttribute("aria-expanded", "false");
}

function toggleDrawer() {
  const isOpen = byId("app").classList.toggle("drawer-open");
  byId("menu").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) byId("search").focus();
}

function enter(user) {
  byId("auth").hidden = true;
  byId("app").hidden = false;
  byId("user").textContent = user?.name || user?.email || "";
  models.load();
  sessions.reload();
  route();
}

function goNew() {
  if (location.hash && location.hash !== "#/") location.hash = "#/"; // the change is heard below
  else route();
}

async function boot() {
  if (!login.isKnown()) return auth.show();
  try {
    if (await login.refresh()) enter(login.user()); // where not, the login says that it ended
    return null;
  } catch {
    // Nobody answered: the login is still good, so try again instead of asking for it.
    byId("boot").hidden = false;
    setTimeout(() => {
      byId("boot").hidden = true;
      boot();
    }, 3000);
    return null;
  }
}

auth.start(enter);
models.start();
sessions.start();
scroll.start();
chat.start();
addEventListener("hashchange", () => login.token() && route());
login.login.addEventListener("end", (event) => {
  state.sessionId = null;
  tell("open", null);
  history.replaceState(null, "", location.pathname); // the next user need not see its name
  auth.show(event.detail);
});
byId("new").addEventListener("click", goNew);
byId("menu").addEventListener("click", toggleDrawer);
byId("shade").addEventListener("click", closeDrawer);
document.addEventListener("keydown", (event) => event.key === "Escape" && closeDrawer());
hear("go", goNew);
boot();
