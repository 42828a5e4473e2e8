// Asking the server what edits do to race day: debounced, one question at a time, the last answer kept when one fails.

import { same } from "./diff.js";

const PAUSE_MS = 300;

export class WhatIf {
  /** `onState` hears {status: computing | settled | failed, answer, count, error} whenever one of them changes. */
  constructor({ api, onState }) {
    Object.assign(this, { api, onState, answer: null, asked: null, timer: 0, running: null });
  }

  /** Ask about operations once nobody has typed for a moment; an answer to an older question is thrown away. */
  ask(operations, { now = false } = {}) {
    if (this.asked && same(this.asked, operations) && !now) return;
    this.asked = operations;
    clearTimeout(this.timer);
    this.running?.abort();
    this.#tell("computing");
    this.timer = setTimeout(() => this.#send(operations), now ? 0 : PAUSE_MS);
  }

  async #send(operations) {
    const running = (this.running = new AbortController());
    try {
      const { data } = await this.api.whatIf(operations, running.signal);
      if (running.signal.aborted) return;
      this.answer = { ...data, at: new Date().toISOString() };
      this.#tell("settled");
    } catch (error) {
      if (!running.signal.aborted) this.#tell("failed", error);
    }
  }

  #tell(status, error = null) {
    this.onState({ status, error, answer: this.answer, count: this.asked.length });
  }
}
