/** Which provider and model answer; what the server offers is asked for once. */

import { call } from "./api.js";
import { byId, make } from "./dom.js";
import { ask } from "./dialog.js";
import { state } from "./state.js";

const KEY = "charla.model";
const ANY = "*"; // stands for a name that the server does not know and the provider may
const select = () => byId("model");

/** What goes into a request: `{provider, model}`, or nothing for the server's own choice. */
export function choice() {
  try {
    const { provider, model } = JSON.parse(select().value || "{}");
    return provider ? { provider, ...(model ? { model } : {}) } : {};
  } catch {
    return {};
  }
}

const nameOf = (model) => (typeof model === "string" ? model : (model.name ?? model.id));

function option(provider, model, isChosen) {
  const value = JSON.stringify({ provider, model });
  const text = model === ANY ? "another model …" : (model ?? "its default model");
  return make("option", { value, selected: isChosen(value) }, text);
}

function group(provider, isChosen) {
  const names = (provider.models ?? []).map(nameOf).filter(Boolean);
  if (provider.any_model) names.push(ANY);
  const options = (names.length ? names : [null]).map((name) => option(provider.name, name, isChosen));
  return make("optgroup", { label: provider.name }, ...options);
}

function fill(answer) {
  const usable = state.providers.filter((provider) => provider.configured !== false);
  const kept = localStorage.getItem(KEY);
  const fallback = answer.default ?? {};
  const text = fallback.model ? `Default (${fallback.model})` : "Default";
  select().replaceChildren(
    make("option", { value: "" }, text),
    ...usable.map((provider) => group(provider, (value) => value === kept)),
  );
  byId("demo").hidden = usable.some((provider) => provider.name !== "scripted");
}

/** A provider that takes any name: ask for it, and keep it as a choice. */
async function askName() {
  const { provider, model } = JSON.parse(select().value || "{}");
  if (model !== ANY) return;
  const name = await ask("Another model", `Its name at ${provider}`);
  if (name) select().selectedOptions[0].before(option(provider, name, () => true));
  else select().selectedIndex = 0;
}

export async function start() {
  select().addEventListener("change", async () => {
    await askName();
    localStorage.setItem(KEY, select().value);
  });
}

/** Asks the server what it offers; without an answer its default still works. */
export async function load() {
  const answer = await call("GET", "/api/providers").catch(() => null);
  if (!answer) return;
  state.providers = answer.providers ?? answer.items ?? [];
  fill(answer);
}
