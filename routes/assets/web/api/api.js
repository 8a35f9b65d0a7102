/** Calls the API: puts the token on, renews it once after a 401, makes errors readable. */

import { address } from "./address.js";
import * as login from "./login.js";
import { mayPass } from "./stream.js";

export { newKey } from "./key.js";

/** What the server refused, or (status 0) that it could not be reached. */
export class Problem extends Error {
  constructor(document, status, retryAfter = null) {
    const text = sentence(document, status);
    super([text, waitSentence(text, retryAfter)].filter(Boolean).join(" "));
    this.reason = text; // without the time, for whoever comes again without being asked
    this.status = status;
    this.code = document.code ?? "unknown";
    this.errors = document.errors ?? {};
    this.activeRunId = document.active_run_id ?? null;
    this.requestId = document.request_id ?? null;
    this.retryAfter = retryAfter;
    this.retryable = status === 0 || mayPass(status);
    this.final = !this.retryable; // for stream.js: a new connection would be told the same
  }
}

function sentence(document, status) {
  const isForm = [undefined, "invalid_request"].includes(document.code); // others say it themselves
  const fields = Object.entries(document.errors ?? {});
  if (fields.length && (isForm || !document.detail)) return fields.map(([name, texts]) => fieldSentence(name, texts)).join(" ");
  if (document.detail) return document.detail;
  if (status === 429) return "That was too much at once. Please wait a moment.";
  if (status >= 500) return "The server cannot do this right now.";
  return document.title ?? `The server answered ${status}.`;
}

function fieldSentence(name, texts) {
  const text = [texts].flat(2).map((part) => (typeof part === "string" ? part : "")).join(" ");
  const full = text.trim() || "is not valid.";
  return full.toLowerCase().includes(name.toLowerCase()) ? full : `${label(name)}: ${full}`;
}

/** Says when a new try makes sense, unless that is at once, or was said. */
function waitSentence(text, seconds) {
  if (!(seconds > 1) || /again/i.test(text)) return "";
  const whole = Math.ceil(seconds);
  const [amount, unit] = whole < 100 ? [whole, "seconds"] : [Math.ceil(whole / 60), "minutes"];
  return `Try again in ${amount} ${unit}.`;
}

const label = (name) => (name[0] ?? "").toUpperCase() + name.slice(1).replaceAll("_", " ");

/** Sends a request and returns its Response; throws a Problem for anything but success. */
export async function open(method, path, { body, key, headers = {}, signal } = {}) {
  const request = () => {
    const all = { Accept: "application/json", ...headers };
    if (login.token()) all.Authorization = `Bearer ${login.token()}`;
    if (body !== undefined) all["Content-Type"] = "application/json";
    if (key) all["Idempotency-Key"] = key;
    return fetch(address(path), { method, headers: all, signal, body: JSON.stringify(body) });
  };
  try {
    const used = login.token();
    let response = await request();
    if (response.status === 401 && login.isKnown()) {
      const isNewer = used !== login.token(); // another request renewed it meanwhile
      if (isNewer || (await login.refresh())) response = await request();
    }
    if (response.ok) return response;
    throw await problemOf(response);
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    throw new Problem({ detail: "The server cannot be reached. Is the network there?" }, 0);
  }
}

async function problemOf(response) {
  const document = await response.json().catch(() => ({})); // a proxy answers in HTML
  const seconds = Number.parseFloat(response.headers.get("Retry-After"));
  return new Problem(document, response.status, Number.isFinite(seconds) ? seconds : null);
}

/** Sends a request and returns the JSON of the answer, null where it has none. */
export async function call(method, path, options = {}) {
  const response = await open(method, path, options);
  return response.status === 204 ? null : response.json().catch(() => null);
}

/** Opens a run's stream, after the last event that was seen. */
export function openStream(path, { lastEventId, signal }) {
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  return open("GET", path, { headers, signal });
}

export const realtime = "/api/chat/realtime";
