/** Keeps the keyboard's focus out of nowhere, and a phone's keyboard off the screen. */

const canHold = (element) =>
  element.isConnected && !element.disabled && element.getClientRects().length > 0;

/**
 * Does `change`; where that takes away what has the focus, `next()` names who gets it. A focus that
 * is lost is at the top of the page again, and a screen reader begins to read there.
 */
export function keepFocus(change, next = () => null) {
  const before = document.activeElement;
  const had = before !== null && before !== document.body && canHold(before);
  change();
  if (had && document.activeElement !== before && before.isConnected) before.focus(); // it was moved
  if (had && !canHold(before)) next()?.focus();
}

/** Goes to a field, or to `instead` on a touch screen, where a field raises the keyboard. */
export function goToField(field, instead = null) {
  if (matchMedia("(hover: hover)").matches) field.focus();
  else instead?.focus();
}

/** Does what a button is for, once at a time; not by `disabled`, which would take the focus away. */
export async function once(button, action) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
  } finally {
    button.setAttribute("aria-disabled", "false");
  }
}
