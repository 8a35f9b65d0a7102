/**
 * Reads the event stream of a run and goes on reading when the connection breaks.
 *
 * This file needs nothing but `fetch` and may be copied as it is. Why not EventSource: it can
 * neither POST nor send a token in a header, and a token in a URL ends up in logs.
 *
 * The rules, all of them: a run ends with exactly one `done` or `error`; a stream that ends
 * without one is a lost connection. Then read on with the id of the last complete frame; an empty
 * `id:` line has that forgotten. It comes with a `resume` that is not `recovered`, whose `content`
 * may be further than the older id: what follows that would come twice. A refusal is the end: the
 * same request would be refused again.
 */

const SILENCE_MS = 40_000; // the server pings every 15 s at the latest: two pings were missed
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;

const AGAIN = new Set([408, 425, 429, 502, 503, 504]);

/** True for a status after which the same request may succeed later. */
export const mayPass = (status) => AGAIN.has(status);

/** Splits bytes into frames, wherever the network cut them: in a line, in a CRLF, in a letter. */
export class FrameParser {
  #decoder = new TextDecoder(); // in stream mode it keeps the bytes of a character cut in two
  #rest = "";
  #data = [];
  #id = null;

  /** @param {Uint8Array} bytes @returns {{id: ?string, data: string}[]} what is now complete */
  push(bytes) {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const frames = [];
    let from = 0;
    // A CR at the very end may be the first half of a CRLF: it waits for what comes next.
    for (const end of text.matchAll(/\r\n|\n|\r(?=[^])/g)) {
      const frame = this.#take(text.slice(from, end.index));
      if (frame !== null) frames.push(frame);
      from = end.index + end[0].length;
    }
    this.#rest = text.slice(from);
    return frames;
  }

  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon); // empty for a comment (`: ping`)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    if (name === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #dispatch() {
    const frame = this.#data.length ? { id: this.#id, data: this.#data.join("\n") } : null;
    this.#id = null;
    this.#data = [];
    return frame;
  }
}

/** True for the two events that end a run. */
export const isTerminal = (event) => event.type === "done" || event.type === "error";

/** True where the whole text so far is told anew, and what was seen before means nothing more. */
const isFresh = (event) => event.type === "resume" && event.recovered === false;

/**
 * Follows a run to its end, through as many connections as it takes.
 *
 * `connect({lastEventId, runId, attempt, signal})` makes one connection and returns the Response;
 * `attempt` counts the tries since the last progress. An error that it throws with `final: true`
 * ends the following, and so does a Response that is a refusal (`error.status`, `error.problem`);
 * any other error is taken for a lost connection.
 * `onEvent(event)` gets each event once and in order; `onConnection("open" | "lost")` the rest.
 *
 * @returns the terminal event; null where there is nothing to follow (204) or `signal` fired
 */
export async function follow({ connect, onEvent, onConnection = () => {}, signal }) {
  const place = { lastEventId: null, runId: null, attempt: 0, signal };
  while (!signal?.aborted) {
    try {
      const response = await connect({ ...place });
      if (response.status === 204) return null;
      if (!response.ok) throw await refusal(response);
      place.runId = response.headers.get("X-Run-Id") ?? place.runId;
      onConnection("open");
      const terminal = await readToEnd(response, place, onEvent);
      if (terminal) return terminal;
    } catch (error) {
      if (signal?.aborted) return null;
      if (error.final) throw error;
    }
    if (signal?.aborted) return null;
    onConnection("lost");
    await pause(place.attempt, signal);
    place.attempt += 1;
  }
  return null;
}

/** Reads one connection; returns the terminal event, or null where the stream ended without. */
async function readToEnd(response, place, onEvent) {
  const parser = new FrameParser();
  const reader = response.body.getReader();
  const onAbort = () => reader.cancel().catch(() => {});
  place.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const { value, done } = await withinSilence(reader.read());
      if (done || place.signal?.aborted) return null;
      for (const { id, data } of parser.push(value)) {
        const event = parse(data);
        place.runId = event.run_id ?? place.runId;
        if (id !== null || isFresh(event)) place.lastEventId = id || null;
        if (event.type !== "resume") place.attempt = 0;
        hand(event, onEvent);
        if (isTerminal(event)) return event;
      }
    }
  } finally {
    place.signal?.removeEventListener("abort", onAbort);
    reader.cancel().catch(() => {}); // a broken stream says so again; it is known already
  }
}

async function refusal(response) {
  const { status } = response;
  const problem = await response.json().catch(() => ({})); // a proxy answers in HTML
  const error = new Error(problem.detail ?? `The server answered ${status}.`);
  return Object.assign(error, { status, problem, final: !mayPass(status) });
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw Object.assign(new Error("The server sent something that is not an event.", { cause }), {
      final: true, // it would be sent again at every new connection
    });
  }
}

/** A mistake in the page's own code is no lost connection: it would come again and again. */
function hand(event, onEvent) {
  try {
    onEvent(event);
  } catch (error) {
    throw Object.assign(error, { final: true });
  }
}

/** Fails where nothing at all came for too long: a network that changed often tells nobody. */
async function withinSilence(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("The connection is silent.")), SILENCE_MS);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits longer each time, with some chance in it, so that not all readers come back at once. */
function pause(attempt, signal) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", end);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, longest * (0.5 + Math.random() / 2));
    globalThis.addEventListener?.("online", end); // the network is back: no reason to wait
    signal?.addEventListener("abort", end);
  });
}
