/**
 * One answer on the page: it grows by what the stream brings and is never drawn anew.
 *
 * Pieces are collected and put in once per frame, as new text nodes behind the old ones: the cost
 * of a piece does not grow with the text, and a selection in the text stays where it is.
 */

import { make } from "../page/dom.js";
import { hearEnd, hearNothing, hearPiece, hearState } from "./announce.js";
import { endingOf } from "./endings.js";
import { Pace } from "./pace.js";

const UNSAVED = "Not saved yet: the server does it as soon as it can";
const WAITING = {
  queued: (detail) => (detail.position ? `In the queue, place ${detail.position} …` : "In the queue …"),
  retrying: () => "The provider is busy, trying again …",
  failover: (detail) =>
    detail.provider ? `Now asking ${detail.provider} …` : "Now asking another provider …",
};

export class Answer {
  /** @param {object} message what GET messages gives; `{}` for one that is about to begin */
  constructor(message = {}, onGrow = () => {}) {
    this.text = "";
    this.message = message;
    this.onGrow = onGrow;
    this.waiting = { text: "", reasoning: "" };
    this.body = make("div.text", { dir: "auto" });
    this.thoughts = make("div.thoughts", { dir: "auto" });
    this.thinking = new Pace();
    this.wait = new Pace();
    this.label = make("span", {}, "Reasoning");
    const summary = make("summary", {}, this.label, this.thinking.element);
    this.reasoning = make("details.reasoning", { hidden: true }, summary, this.thoughts);
    this.status = make("p.status", { role: "status" });
    this.foot = make("p.foot");
    const speaker = make("span.unseen", {}, "Answer: ");
    const parts = [speaker, this.reasoning, this.wait.element, this.body, this.status, this.foot];
    this.element = make("article.message.assistant", {}, ...parts);
    this.#append(message.content ?? "");
    this.#setStatus(message.status ?? "streaming");
    if (message.status && message.status !== "streaming") this.#showFoot(message);
  }

  /** Draws what an event says; types that are not known here change nothing. */
  apply(event) {
    if (event.type === "start") this.#start(event);
    else if (event.type === "resume") this.#resume(event);
    else if (event.type === "content") this.#grow("text", event.content);
    else if (event.type === "reasoning") this.#grow("reasoning", event.content);
    else if (event.type === "status") this.say(WAITING[event.state]?.(event.detail ?? {}) ?? "");
    else if (event.type === "done" || event.type === "error") this.#end(event);
  }

  /** Shows a sentence under the answer while it waits; an empty one takes it away. */
  say(sentence) {
    if (this.status.textContent !== sentence) this.status.textContent = sentence;
  }

  /** Shows that the answer failed and, with `retry`, a button that tries again. */
  fail(sentence, retry = null) {
    this.#flush();
    this.#thought();
    this.#setStatus("failed");
    this.say("");
    this.foot.replaceChildren(make("span.mark.bad", { role: "alert" }, sentence));
    this.offerRetry(retry);
    this.onGrow();
  }

  /** Puts a button behind the answer that tries again. */
  offerRetry(retry) {
    if (retry) this.foot.append(make("button.link.retry", { type: "button", click: retry }, "Try again"));
  }

  /** Makes a failed answer ready for a new try of the same request. */
  restart() {
    this.#replace("");
    this.foot.replaceChildren();
    this.#setStatus("streaming");
  }

  #start(event) {
    this.#replace(""); // all of the text follows
    this.thoughts.replaceChildren();
    this.#thought();
    this.reasoning.hidden = true;
    hearNothing();
    this.message = { ...this.message, id: event.message_id, provider: event.provider, model: event.model };
    this.element.dataset.id = event.message_id;
    this.#setStatus("streaming");
  }

  #resume(event) {
    if (event.recovered !== false) return; // what comes goes on where this reader stood
    this.#replace(event.content ?? "");
    this.onGrow();
  }

  #grow(part, piece) {
    if (part === "text") hearPiece(piece);
    else this.#think();
    if (!this.waiting.text && !this.waiting.reasoning) {
      requestAnimationFrame(() => this.#flush());
      if (document.hidden) setTimeout(() => this.#flush(), 500); // no frames are drawn there
    }
    this.waiting[part] += piece;
  }

  #flush() {
    const { text, reasoning } = this.waiting;
    if (!text && !reasoning) return;
    this.waiting = { text: "", reasoning: "" };
    this.say("");
    this.wait.end();
    if (reasoning) this.thoughts.append(reasoning);
    if (text) this.#thought();
    this.#append(text);
    this.onGrow();
  }

  /** The model thinks: said once, then shown only. */
  #think() {
    if (this.thinking.since) return;
    this.wait.end();
    this.reasoning.hidden = false;
    this.label.textContent = "Thinking";
    this.thinking.start();
    hearState("Thinking.");
  }

  #thought() {
    if (!this.thinking.since) return;
    const seconds = this.thinking.end();
    this.label.textContent = seconds ? `Thought for ${seconds} s` : "Reasoning";
  }

  #append(piece) {
    if (!piece) return;
    this.text += piece;
    this.body.append(piece);
  }

  #replace(text) {
    this.waiting = { text: "", reasoning: "" };
    this.text = "";
    this.body.replaceChildren();
    this.#append(text);
  }

  #end(event) {
    this.#flush();
    this.#thought();
    const full = event.full_content;
    if (typeof full === "string" && full !== this.text) this.#replace(full); // that is what is kept
    this.body.normalize();
    this.say("");
    const status = event.type === "error" ? errorStatus(event) : doneStatus(event);
    this.message = { ...this.message, ...event, status };
    this.#setStatus(status);
    this.#showFoot(this.message);
    hearEnd(endingOf(this.message, this.text));
    this.onGrow();
  }

  #setStatus(status) {
    this.element.dataset.status = status;
    this.element.setAttribute("aria-busy", String(status === "streaming"));
    if (status !== "streaming") this.wait.end();
    else if (!this.text && !this.thinking.since) this.wait.start();
  }

  #showFoot(message) {
    const sentence = endingOf(message, this.text);
    const isBad = message.status === "failed" || message.status === "interrupted";
    const parts = [];
    if (sentence) parts.push(make(`span.mark${isBad ? ".bad" : ""}`, {}, sentence));
    if (message.persisted === false) parts.push(make("span.mark.bad", {}, UNSAVED));
    const facts = factsOf(message);
    if (facts) parts.push(make("span.facts", {}, facts));
    this.foot.replaceChildren(...parts);
  }
}

const errorStatus = (event) => (event.code === "interrupted" ? "interrupted" : "failed");
const doneStatus = (event) => (event.finish_reason === "stopped" ? "stopped" : "complete");

function factsOf({ provider, model, usage, cost, total_ms: ms }) {
  const about = usage?.source === "estimated" ? "about " : "";
  return [
    provider && model ? `${provider}/${model}` : model,
    usage?.output_tokens ? `${about}${usage.output_tokens} tokens` : null,
    Number(cost?.amount) > 0 ? `${cost.currency} ${cost.amount}` : null,
    typeof ms === "number" ? `${(ms / 1000).toFixed(1)} s` : null,
  ]
    .filter(Boolean)
    .join(" · ");
}
