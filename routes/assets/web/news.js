/**
 * Notices what happened elsewhere: in another window, on another device.
 *
 * Windows of one browser tell each other at once (BroadcastChannel). For all else a window asks the
 * server, as long as somebody can see it: every 4 s for the newest conversation alone (0.4 KB; a
 * message, a new conversation and a new title all change it), and every 20 s for the list, which
 * also shows what was deleted. People who answer each other notice 4 s hardly, and a thousand
 * windows ask for 250 rows a second. Where nothing happened and nobody touched the page for five
 * minutes, 20 s do.
 */

import { ownName } from "./api/address.js";
import { call, realtime } from "./api/api.js";
import * as login from "./api/login.js";
import { hear, tell } from "./page/state.js";

const PACE_MS = 4_000;
const SLOW_MS = 20_000;
const IDLE_MS = 300_000;
const HINT_MS = 100; // several changes at once are one
const LIST_EVERY = 5;

const channel = globalThis.BroadcastChannel ? new BroadcastChannel(ownName("charla.news")) : null;
let lookAtAll = async () => {};
let newest = null; // the newest conversation, as text
let looks = 0;
let failures = 0;
let lastLife = Date.now(); // when somebody touched the page, or something happened
let timer = null;
let isLooking = false;
let isHinted = false; // the next look is at everything

function plan() {
  clearTimeout(timer);
  if (document.hidden) return; // becoming visible looks at once
  const isSlow = failures > 1 || Date.now() - lastLife > IDLE_MS;
  timer = setTimeout(look, isHinted ? HINT_MS : isSlow ? SLOW_MS : PACE_MS);
}

function hint() {
  isHinted = true;
  if (!isLooking) plan();
}

async function look() {
  if (isLooking || document.hidden || login.token() === null) return plan();
  isLooking = true;
  try {
    await lookOnce();
    failures = 0;
    tell("reach", true);
  } catch (error) {
    failures += 1;
    if (error.retryable && failures > 1) tell("reach", false);
  }
  isLooking = false;
  return plan();
}

async function lookOnce() {
  const isAsked = isHinted || looks % LIST_EVERY === LIST_EVERY - 1;
  isHinted = false;
  looks += 1;
  const now = JSON.stringify((await call("GET", `${realtime}/sessions?limit=1`)).items);
  if (newest !== null && now !== newest) lastLife = Date.now();
  if (isAsked || now !== newest) await lookAtAll();
  newest = now; // only now: what failed is looked at again
}

/** `all` looks at everything that the page shows, and throws where that cannot be asked. */
export function start(all) {
  lookAtAll = all;
  channel?.addEventListener("message", hint);
  hear("mine", () => channel?.postMessage("changed"));
  addEventListener("online", hint);
  addEventListener("offline", () => tell("reach", false));
  document.addEventListener("visibilitychange", hint);
  for (const touch of ["pointerdown", "keydown"]) {
    addEventListener(touch, () => (lastLife = Date.now()), { passive: true });
  }
  plan();
}
