/** Registering, logging in and out. */

import { call } from "./api/api.js";
import { forget, keep } from "./api/login.js";
import { byId } from "./page/dom.js";
import { goToField } from "./page/focus.js";

let isNew = false; // the form registers instead of logging in

function setMode(register) {
  isNew = register;
  byId("name-row").hidden = !register;
  byId("auth-title").textContent = register ? "Create an account" : "Log in";
  byId("auth-submit").textContent = register ? "Create account" : "Log in";
  byId("auth-switch").textContent = register ? "I have an account" : "Create an account";
  byId("password").autocomplete = register ? "new-password" : "current-password";
  say("");
}

function say(sentence) {
  byId("auth-error").textContent = sentence;
  byId("auth-error").hidden = !sentence;
}

/** Asks who it is; `reason` says why the user sees this. */
export function show(reason = "") {
  byId("app").hidden = true;
  byId("auth").hidden = false;
  setMode(false);
  say(reason);
  goToField(byId("email"), byId("auth-title"));
}

async function submit(done) {
  const body = { email: byId("email").value.trim(), password: byId("password").value };
  const name = byId("name").value.trim();
  if (isNew && name) body.name = name;
  byId("auth-submit").disabled = true;
  say("");
  try {
    const user = keep(await call("POST", isNew ? "/api/auth/register" : "/api/auth/login", { body }));
    byId("password").value = "";
    done(user);
  } catch (error) {
    say(error.message);
  } finally {
    byId("auth-submit").disabled = false;
  }
}

/** Logs out here and on the server; without network here at least. */
export async function logOut() {
  await call("POST", "/api/auth/logout").catch(() => null);
  forget();
}

export function start(done) {
  byId("auth-form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(done);
  });
  byId("auth-switch").addEventListener("click", () => setMode(!isNew));
  byId("logout").addEventListener("click", logOut);
}
