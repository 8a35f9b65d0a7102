/** Which provider and model answer; what the server offers is asked for once. */

import { call } from "../api/api.js";
import { untilDone } from "../api/patience.js";
import { ask } from "../page/dialog.js";
import { byId, make } from "../page/dom.js";
import * as kept from "../page/kept.js";
import { state } from "../page/state.js";

const KEY = "charla.model";
const ANY = "*"; // stands for a name that the server does not know and the provider may
const WISHES = {
  fast: "fastest",
  cheap: "cheapest",
  quality: "best",
  hedged: "quickest to answer of two",
};
let loads = 0; // a login that ended asks no further
const select = () => byId("model");

/** What goes into a message: a provider and perhaps a model, a wish, or nothing. */
export function choice() {
  try {
    const { provider, model, strategy } = JSON.parse(select().value || "{}");
    if (strategy) return { strategy };
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

function wishes(answer, isChosen) {
  const known = (answer.strategies ?? []).filter((name) => WISHES[name]);
  const options = known.map((strategy) => {
    const value = JSON.stringify({ strategy });
    return make("option", { value, selected: isChosen(value) }, WISHES[strategy]);
  });
  return make("optgroup", { label: "whichever is" }, ...options);
}

function fill(answer) {
  const usable = state.providers.filter((provider) => provider.configured !== false);
  const chosen = kept.read(KEY);
  const fallback = answer.default ?? {};
  const isKept = (value) => value === chosen;
  const isRich = usable.some((provider) => provider.name !== "scripted");
  const text = fallback.model ? `Default (${fallback.model})` : "Default";
  select().replaceChildren(
    make("option", { value: "" }, text),
    ...(isRich ? [wishes(answer, isKept)] : []),
    ...usable.map((provider) => group(provider, isKept)),
  );
  byId("demo").hidden = isRich;
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
    kept.write(KEY, select().value);
  });
}

/** Asks the server what it offers; until it answers, its default can be asked. */
export async function load() {
  loads += 1;
  const mine = loads;
  const answer = await untilDone(() => call("GET", "/api/providers"), { isWanted: () => mine === loads });
  if (!answer) return;
  state.providers = answer.providers ?? answer.items ?? [];
  fill(answer);
}
