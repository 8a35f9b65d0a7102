/** Keys that a person means, and those that only talk to an input method (Japanese, Chinese). */

const INPUT_METHOD = 229; // Safari ends a word before it tells the key: nothing else says it then

const isComposing = (event) => event.isComposing || event.keyCode === INPUT_METHOD;

/** True for an Enter that is not the end of a word of an input method. */
export const isEnter = (event) => event.key === "Enter" && !isComposing(event);

/** Keeps an Enter that ends a word from submitting the form that its field is in. */
export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" && event.key === "Enter" && isComposing(event)) {
      event.preventDefault();
    }
  });
}
