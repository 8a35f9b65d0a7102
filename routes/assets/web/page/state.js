/** What several parts of the page share, and how they tell each other about changes. */

const bus = new EventTarget();

export const state = {
  sessionId: null, // the open conversation, null for a new one
  providers: [], // what GET /api/providers offers
};

/**
 * Names of news: `session` (a session was made or changed), `removed` (a session id),
 * `open` (show a conversation: id or null), `go` (leave it for a new one), `notice` (a sentence
 * for the user), `unkept` (the browser keeps nothing, or no more).
 */
export function tell(news, detail) {
  bus.dispatchEvent(new CustomEvent(news, { detail }));
}

export function hear(news, listener) {
  bus.addEventListener(news, (event) => listener(event.detail));
}
