/** Texts of a limited length, as people see them: no emoji and no accent is cut in two. */

const segmenter = globalThis.Intl?.Segmenter ? new Intl.Segmenter() : null;

const graphemes = (text) =>
  segmenter ? Array.from(segmenter.segment(text), ({ segment }) => segment) : Array.from(text);

/** The beginning of a text, of at most `most` code points, which is what the server counts. */
export function cut(text, most) {
  if (text.length <= most) return text;
  let left = most;
  let kept = "";
  for (const one of graphemes(text)) {
    left -= Array.from(one).length;
    if (left < 0) break;
    kept += one;
  }
  return kept;
}

/** Has a field take no more than that; `maxlength` counts otherwise, and cuts anywhere. */
export function limit(field, most) {
  const fit = (event) => {
    if (event.isComposing) return; // the word is not there yet
    const fitting = cut(field.value, most);
    if (fitting === field.value) return;
    const caret = field.selectionStart;
    field.value = fitting;
    field.setSelectionRange(caret, caret); // not at the end, where it is put with a new value
  };
  field.addEventListener("input", fit);
  field.addEventListener("compositionend", fit);
}
