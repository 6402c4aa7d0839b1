// What a page works with while it is shown: its place in the document, its questions, its intervals. All of it ends with the page.

import { NotOffered, Problem, Unreachable, ask, askIfOffered } from './api.mjs';

/** One page's time on the screen. */
export class Stage {
  #abort = new AbortController();
  #timers = new Set();

  constructor({ root, facts, live }) {
    this.root = root;
    this.facts = facts;
    this.live = live;
  }

  get isClosed() {
    return this.#abort.signal.aborted;
  }

  ask(path) {
    return ask(path, this.#abort.signal);
  }

  askIfOffered(path) {
    return askIfOffered(path, this.#abort.signal);
  }

  /** Does something at intervals. */
  every(intervalMs, act) {
    this.#timers.add(setInterval(act, intervalMs));
  }

  /**
   * A trigger for an act that may be wanted often and is done at most once per gap: at once when it was not done lately, and once
   * more afterwards for all that came meanwhile. What this operator refuses then leaves the page as it is.
   */
  trigger(gapMs, act) {
    let isRunning = false;
    let isWanted = false;
    const run = async () => {
      isWanted = true;
      if (isRunning) return;
      isRunning = true;
      while (isWanted && !this.isClosed) {
        isWanted = false;
        await this.#attempt(act);
        await this.#pause(gapMs);
      }
      isRunning = false;
    };
    return run;
  }

  close() {
    this.#abort.abort();
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #attempt(act) {
    try {
      await act();
    } catch (error) {
      const isTheirs = error instanceof Problem || error instanceof NotOffered || error instanceof Unreachable;
      if (!isTheirs && !this.isClosed) throw error;
    }
  }

  #pause(ms) {
    return new Promise((done) => {
      setTimeout(done, ms);
    });
  }
}
