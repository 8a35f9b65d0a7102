/**
 * What the browser keeps for this page. Where it keeps nothing (storage is blocked, or full), the
 * page's own memory does, until the page is left; `unkept` is told then, once.
 */

import { tell } from "./state.js";

const memory = new Map();
let isTold = false;

/** True where something could not be kept: a reload will not find it. */
export const isLosing = () => isTold;

export function read(key) {
  if (memory.has(key)) return memory.get(key);
  return attempt(() => localStorage.getItem(key));
}

export function write(key, text) {
  memory.delete(key);
  try {
    localStorage.setItem(key, text);
  } catch {
    memory.set(key, text);
    attempt(() => localStorage.removeItem(key)); // what is older must not come back
    if (isTold) return;
    isTold = true;
    tell("unkept", null);
  }
}

export function remove(key) {
  memory.delete(key);
  attempt(() => localStorage.removeItem(key));
}

/** The names of everything whose name begins so. */
export function names(prefix) {
  const kept = attempt(() => Object.keys(localStorage)) ?? [];
  return [...new Set([...kept, ...memory.keys()])].filter((name) => name.startsWith(prefix));
}

function attempt(action) {
  try {
    return action();
  } catch {
    return null; // even to look at localStorage is refused where it is blocked
  }
}
