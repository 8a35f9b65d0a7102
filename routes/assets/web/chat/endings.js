/** How an answer ended, in words; an empty one says that it is. */

const ENDINGS = {
  stopped: "Stopped",
  interrupted: "Interrupted: the server went away before the answer was finished",
  failed: "Failed",
  length: "Cut off at the length limit",
  content_filter: "Ended by the provider's content filter",
  budget: "Ended because the budget is used up",
};
const EMPTY = {
  stop: "The answer is empty: the model ended without a word",
  stopped: "Stopped before the first word",
  interrupted: "Interrupted: the server went away before the first word",
  failed: "Failed before the first word",
  length: "The answer is empty: the length limit was used up before the first word",
  content_filter: "The answer is empty: the provider's content filter held it back",
  budget: "The answer is empty: the budget was used up before the first word",
};

/**
 * Says how a message ended, "" where there is nothing to say.
 *
 * `message` is one of GET messages or a terminal event, with its `status`; `text` is what is shown.
 */
export function endingOf({ type, message: sentence, status, finish_reason: reason }, text) {
  if (type === "error" && sentence) return sentence;
  const sentences = text.trim() ? ENDINGS : EMPTY;
  return sentences[status] ?? sentences[reason] ?? (text.trim() ? "" : EMPTY.stop);
}
