/** Registering, logging in and out, and choosing a password by a one-time link. */

import { call } from "./api/api.js";
import * as login from "./api/login.js";
import { untilDone } from "./api/patience.js";
import * as links from "./links.js";
import { byId } from "./page/dom.js";
import { goToField } from "./page/focus.js";
import { limit } from "./page/graphemes.js";

const MODES = {
  login: { title: "Log in", submit: "Log in", other: "Create an account", path: "login" },
  register: { title: "Create an account", submit: "Create account", path: "register" },
  invite: { title: "You are invited", submit: "Create account", path: "register" },
  reset: { title: "Choose a password", submit: "Save password", other: "Not now", path: "password/reset" },
};
const CLOSED = {
  invite: "Accounts are made by invitation: open the link that you were given.",
  off: "No accounts are made here.",
};
const NAME_CHARS = 100; // as the server has it

let mode = "login";
let link = null; // the one-time link that the form is for
let registration = null; // who may register; null: not known yet
let done = () => {};

function setMode(name) {
  mode = name;
  const { title, submit, other = "I have an account" } = MODES[mode];
  const isNew = mode !== "login";
  const isNamed = mode === "register" || mode === "invite";
  byId("auth-title").textContent = title;
  byId("auth-submit").textContent = submit;
  byId("auth-switch").textContent = other;
  byId("name-row").hidden = !isNamed;
  byId("password").autocomplete = isNew ? "new-password" : "current-password";
  byId("password-name").textContent = mode === "reset" ? "New password" : "Password";
  showAddress();
  showRegistration();
  say("");
}

/** A link says whose it is: shown as it is, so that the browser keeps the password with it. */
function showAddress() {
  const isNeeded = mode !== "reset" || Boolean(link.email);
  if (link?.email) byId("email").value = link.email;
  byId("email").readOnly = Boolean(link?.email);
  byId("email").disabled = !isNeeded; // a field that is hidden and required would stop the form
  byId("email-row").hidden = !isNeeded;
}

function showRegistration() {
  const closed = (mode === "login" && CLOSED[registration]) || "";
  byId("auth-note").hidden = !closed;
  byId("auth-note").textContent = closed; // after it is shown: what is hidden is not read out
  byId("auth-switch").hidden = mode === "login" && registration !== "open";
}

/** Asks the server who may register, until it answers. */
async function askRegistration() {
  const isWanted = () => registration === null && !byId("auth").hidden;
  const answer = await untilDone(() => call("GET", "/api/auth/registration"), { isWanted });
  if (!answer) return;
  registration = answer.registration;
  showRegistration();
}

function say(sentence) {
  byId("auth-error").textContent = sentence;
  byId("auth-error").hidden = !sentence;
}

/** Asks who it is; `reason` says why the user sees this, `given` is a one-time link. */
export function show(reason = "", given = null) {
  link = given;
  byId("app").hidden = true;
  byId("auth").hidden = false;
  setMode(link?.kind ?? "login");
  say(reason);
  const field = byId(link?.email || mode === "reset" ? "password" : "email");
  goToField(field, byId("auth-title"));
  askRegistration();
}

function body() {
  const password = byId("password").value;
  if (mode === "reset") return { token: link.token, password };
  // As the link has it: a field for addresses gives domains back in Punycode.
  const named = { email: link?.email || byId("email").value.trim(), password };
  const name = byId("name").value.trim();
  if (mode !== "login" && name) named.name = name;
  return mode === "invite" ? { ...named, invite: link.token } : named;
}

async function submit() {
  byId("auth-submit").disabled = true;
  say("");
  try {
    const answer = await call("POST", `/api/auth/${MODES[mode].path}`, { body: body() });
    byId("password").value = "";
    if (link) {
      links.forget();
      if (login.isKnown()) login.forget("Another login has begun."); // who was here before
    }
    done(login.keep(answer));
  } catch (error) {
    say(error.message);
  } finally {
    byId("auth-submit").disabled = false;
  }
}

/** Goes from one form to the other; away from a link, to where the user was before it. */
function change() {
  if (!link) return setMode(mode === "login" ? "register" : "login");
  links.forget();
  if (login.token()) return done(login.user());
  if (login.isKnown()) return location.reload();
  return show();
}

/** Logs out here and on the server; without network here at least. */
export async function logOut() {
  await call("POST", "/api/auth/logout").catch(() => null);
  login.forget();
}

/** `enter(user)` is called with who has logged in. */
export function start(enter) {
  done = enter;
  byId("auth-form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("auth-switch").addEventListener("click", change);
  byId("logout").addEventListener("click", logOut);
  limit(byId("name"), NAME_CHARS);
}
