/** Does what needs the network again until it works: a page that failed to load heals by itself. */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Calls `action` until it succeeds, and returns what it gives.
 *
 * `onProblem(error, goesOn)` is told each failure; a refusal that would come again (a 404) ends the
 * tries. Returns null then, and as soon as `isWanted()` is false.
 */
export async function untilDone(action, { isWanted = () => true, onProblem = () => {} } = {}) {
  for (let attempt = 0; isWanted(); attempt += 1) {
    try {
      return await action();
    } catch (error) {
      if (!isWanted()) return null;
      const goesOn = error.retryable === true;
      onProblem(error, goesOn);
      if (!goesOn) return null;
      await pause(attempt, error.retryAfter);
    }
  }
  return null;
}

/** Waits longer each time, but not beyond the moment when the network is back. */
async function pause(attempt, retryAfter) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  const asked = (retryAfter ?? 0) * 1_000; // seconds
  await first([globalThis, "online"], Math.max(asked, longest * (0.5 + Math.random() / 2)));
  if (document.hidden) await first([document, "visibilitychange"]); // nobody waits for it
}

/** Waits for an event, at most so long. */
function first([target, name], ms = null) {
  return new Promise((resolve) => {
    const timer = ms === null ? null : setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      target.removeEventListener(name, end);
      resolve();
    }
    target.addEventListener(name, end);
  });
}
