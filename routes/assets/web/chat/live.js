/** The answer that is being written: a window reads one run at a time, and can stop it. */

import { tell } from "../page/state.js";
import { hearNothing } from "./announce.js";
import * as composer from "./composer.js";
import { stop } from "./turn.js";

let live = null; // what `read` makes

export const isReading = () => live !== null;

/** Stops reading, not the run: it goes on without us and is there when we come back. */
export function leave() {
  live?.controller.abort();
  live = null;
  hearNothing();
  composer.connection("open");
}

/**
 * Reads a run into an answer; `source(handlers)` is `deliver` or `attach` of turn.js.
 *
 * Returns `{terminal, begunAt}`, or null where the user left before the end; throws what ended the
 * reading, unless nobody waits for it any more. `onStart(event)` and `onSession(session)` are told
 * only as long as the answer is on the page.
 */
export async function read(answer, source, { runId = null, ...listeners } = {}) {
  live?.controller.abort();
  const own = { controller: new AbortController(), answer, runId, begunAt: null };
  live = own;
  composer.busy();
  try {
    const terminal = await source(handlersOf(own, listeners));
    return live === own ? { terminal, begunAt: own.begunAt } : null;
  } catch (error) {
    if (live === own) throw error;
    return null;
  } finally {
    if (live === own) {
      live = null;
      composer.ready();
      composer.connection("open");
    }
  }
}

function handlersOf(own, { onRun = () => {}, onStart = () => {}, onSession = () => {} }) {
  return {
    signal: own.controller.signal,
    onRun: (runId) => {
      own.runId = runId;
      onRun(runId);
      if (live === own && own.isStopping) requestStop(); // the button was faster than the server
    },
    onEvent: (event) => {
      own.runId = event.run_id ?? own.runId;
      if (event.type === "start") {
        own.begunAt = event.created_at;
        onStart(event);
      }
      own.answer.apply(event);
    },
    onConnection: composer.connection,
    onSession: (session) => live === own && onSession(session),
  };
}

/** Asks the server to stop the run; it is sent as soon as the run has a name. */
export async function requestStop() {
  const own = live;
  if (!own) return;
  own.isStopping = true;
  composer.stopping();
  if (!own.runId || own.isAsked) return;
  own.isAsked = true;
  try {
    await stop(own.runId);
  } catch (error) {
    own.isStopping = false;
    own.isAsked = false;
    if (live === own) composer.busy();
    tell("notice", error.message);
  }
}
