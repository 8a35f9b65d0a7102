/** Asks the user, in a modal dialog that the keyboard can use. */

import { make } from "./dom.js";
import { limit } from "./graphemes.js";
import { isEnter } from "./keys.js";

function show(title, fields, { confirm, danger = false }) {
  const yes = make(`button.button${danger ? ".danger" : ".primary"}`, { value: "yes" }, confirm);
  const no = make("button.button", { value: "no", formnovalidate: true }, "Cancel");
  const heading = make("h2", { id: "dialog-title" }, title);
  const row = make("div.row", {}, no, yes);
  const form = make("form", { method: "dialog" }, heading, ...fields, row);
  const dialog = make("dialog", { "aria-labelledby": "dialog-title" }, form);
  // Enter presses the first submit button of a form: it must be the one that says yes.
  form.addEventListener("keydown", (event) => {
    if (!isEnter(event) || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    yes.click();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** Asks yes or no. */
export function sure(title, text, confirm) {
  return show(title, [make("p", {}, text)], { confirm, danger: true });
}

/** Asks for a line of text; null where the user cancelled or gave none. */
export async function ask(title, label, value = "", most = 200) {
  const input = make("input", { type: "text", required: true, autofocus: true, value });
  limit(input, most);
  const wanted = show(title, [make("label", {}, label, input)], { confirm: "Save" });
  input.select();
  return (await wanted) ? input.value.trim() || null : null;
}
