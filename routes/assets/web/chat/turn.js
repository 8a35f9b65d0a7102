/** Sends one message and follows its answer; a new try of it is the same request, not a second. */

import { Problem, call, newKey, open, openStream, realtime } from "../api/api.js";
import { follow } from "../api/stream.js";

const SEND_TRIES = 4; // of a send that never reached the server; then the user is asked

/**
 * One send: `{path, body}` and the key that makes all its tries one. `before` is a send that did not
 * succeed as far as this page knows: where this one asks the same, it is a further try of it.
 */
export function newTurn(sessionId, body, before = null) {
  const turn = { ...requestOf(sessionId, body), key: newKey() };
  const isSame = before?.path === turn.path && asText(before.body) === asText(turn.body);
  return isSame ? { ...turn, key: before.key } : turn;
}

function requestOf(sessionId, body) {
  if (sessionId) return { path: `${realtime}/sessions/${sessionId}/stream`, body };
  const { content, ...choice } = body;
  return { path: `${realtime}/sessions`, body: { initial_message: content, ...choice }, makesSession: true };
}

const asText = (body) => JSON.stringify(Object.entries(body).sort());

/**
 * Sends a turn and follows its run.
 *
 * @param handlers `{onEvent, onConnection, onRun(runId), onSession(session), signal}`
 */
export function deliver(turn, handlers) {
  return follow({ ...handlers, connect: mortal((place) => connect(turn, place, handlers)) });
}

/** Follows a run that exists, from its beginning. */
export function attach(runId, handlers) {
  const path = `${realtime}/runs/${runId}/stream`;
  return follow({ ...handlers, connect: mortal((place) => openStream(path, place)) });
}

/**
 * Ends a connection when the network comes back: one that was made before is often dead, and says
 * so to nobody. The next one goes on where it was.
 */
function mortal(connect) {
  let end = null;
  return (place) => {
    removeEventListener("online", end);
    const own = new AbortController();
    end = () => own.abort();
    addEventListener("online", end);
    place.signal.addEventListener("abort", end, { once: true });
    return connect({ ...place, signal: own.signal });
  };
}

/** Asks the server to stop a run; its stream then ends with `done`/`stopped`. */
export const stop = (runId) => call("POST", `${realtime}/runs/${runId}/stop`);

async function connect(turn, place, handlers) {
  const runId = place.runId ?? turn.runId;
  if (runId) return openStream(`${realtime}/runs/${runId}/stream`, place);
  try {
    const response = turn.makesSession ? await begin(turn, place, handlers) : await send(turn, place);
    turn.runId = turn.runId ?? response.headers.get("X-Run-Id");
    if (turn.runId) handlers.onRun(turn.runId);
    return response;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const wasTold = error.status !== 0; // 429 and 503 are for the user to decide
    throw Object.assign(error, { final: error.final || wasTold || place.attempt + 1 >= SEND_TRIES });
  }
}

function send({ path, body, key }, { signal }) {
  return open("POST", path, { body, key, signal, headers: { Accept: "text/event-stream" } });
}

/** The first message of a conversation: makes the session and its run in one request. */
async function begin(turn, place, { onSession }) {
  const { path, body, key } = turn;
  const session = await call("POST", path, { body, key, signal: place.signal });
  onSession(session);
  turn.runId = session.active_run;
  // A repeat of a send whose run has ended meanwhile: nothing to follow, the messages are there.
  if (!turn.runId) return new Response(null, { status: 204 });
  return openStream(`${realtime}/runs/${turn.runId}/stream`, place);
}
