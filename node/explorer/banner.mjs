// What everybody must see at once, on every page: a silent operator, what keeps it from its work, and alerts that stand.

import { after, signOf, told } from './alarm.mjs';
import { NotOffered, Problem, Unreachable, ask } from './api.mjs';
import { h, put } from './dom.mjs';
import { agoOf } from './parts.mjs';

const ALERTS_ASKED = 100;
const ALERTS_AGAIN_MS = 10_000;

/** The banner above every page, and the sign beside the way to the alerts. */
export class Banner {
  #element;
  #sign;
  #silentSince;
  #blockers = [];
  #alerts = [];
  #alertsAskedMs = 0;
  #isNews = false;
  #shown = '';

  constructor(element, sign) {
    this.#element = element;
    this.#sign = sign;
  }

  on(kind, content) {
    if (kind === 'silent') this.#silentSince ??= Date.now();
    if (kind === 'status') {
      this.#silentSince = undefined;
      this.#blockers = content.blockers;
    }
    if (kind === 'alert.raised' || kind === 'alert.cleared') {
      this.#alerts = after(this.#alerts, kind, content);
      this.#isNews = true;
    }
    if (kind === 'reset') this.#alertsAskedMs = 0;
    if (kind !== 'silent' && Date.now() - this.#alertsAskedMs > ALERTS_AGAIN_MS) this.#askAlerts();
    this.#draw();
  }

  async #askAlerts() {
    this.#alertsAskedMs = Date.now();
    this.#isNews = false;
    try {
      const { items } = await ask(`/v1/alerts?active=true&limit=${ALERTS_ASKED}`);
      // What came meanwhile is newer than the answer.
      if (this.#isNews) this.#alertsAskedMs = 0;
      else this.#alerts = items;
      this.#draw();
    } catch (error) {
      if (error instanceof NotOffered) this.#alertsAskedMs = Infinity;
      else if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    }
  }

  // Set anew only when something changed: a banner is read aloud.
  #draw() {
    const state = JSON.stringify([this.#silentSince, this.#blockers, this.#alerts]);
    if (state === this.#shown) return;
    this.#shown = state;
    this.#sign.textContent = signOf(this.#alerts);
    put(this.#element, this.#lines());
  }

  #lines() {
    if (this.#silentSince) return line('critical', 'No answer', ['This operator does not answer since ', agoOf(this.#silentSince), '. What is shown is what it said before.']);
    return told(this.#alerts, this.#blockers).map(({ severity, title, text, isAlert }) => line(severity, title, isAlert ? [text, ' ', h('a', { href: '#/alerts' }, 'All alerts')] : text));
  }
}

function line(severity, title, text) {
  return h('p', { 'data-severity': severity }, h('strong', {}, title), ' ', text);
}
