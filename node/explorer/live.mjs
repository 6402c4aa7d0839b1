// What happens at this operator, as it happens: its event stream, and beside it a look at `/v1/status` at intervals, which goes
// faster while the stream is closed. So a page that follows both works where streams are blocked, only slower.

import { ask } from './api.mjs';
import { setClock, setEthereumClock } from './clock.mjs';

const BASE_TOPICS = ['blocks', 'l1', 'alerts', 'consensus'];
const EVENTS = [
  'block.committed',
  'block.anchored',
  'block.finalized',
  'transaction.committed',
  'output.created',
  'output.spent',
  'output.exited',
  'output.reclaimed',
  'deposit.credited',
  'exit.started',
  'exit.changed',
  'exit.ended',
  'alert.raised',
  'alert.cleared',
  'consensus.view',
  'peers',
  'reset',
  'overflow',
];
const LOOK_STREAMING_MS = 5_000;
const LOOK_POLLING_MS = 2_000;
const RECONNECT_MS = 15_000;

/**
 * Follows the operator and hands on what it says as `deliver(kind, content)`: the stream's events, `status`, and `silent`. A `reset`
 * says that events may have been missed. A tab that nobody sees holds no stream: a browser opens few connections to one host.
 */
export class Live {
  #deliver;
  #source;
  #topics = '';
  #reconnect;
  #look;
  #isGap = false;

  constructor(deliver) {
    this.#deliver = deliver;
    this.#look = setTimeout(() => this.look(), 0);
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#hide() : this.#open()));
  }

  get isStreaming() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  /** From now on also these topics, instead of those of the page before. */
  follow(topics) {
    const all = [...BASE_TOPICS, ...topics].join(',');
    if (all === this.#topics && this.#source) return;
    this.#topics = all;
    this.#open();
  }

  /** Asks for the status now, and again after an interval. */
  async look() {
    clearTimeout(this.#look);
    if (!document.hidden) await this.#askStatus();
    clearTimeout(this.#look);
    this.#look = setTimeout(() => this.look(), this.isStreaming ? LOOK_STREAMING_MS : LOOK_POLLING_MS);
  }

  async #askStatus() {
    const askedMs = Date.now();
    try {
      const status = await ask('/v1/status');
      setClock(status.clock, { askedMs, answeredMs: Date.now() });
      setEthereumClock(status.l1.time);
      this.#deliver('status', status);
    } catch (error) {
      this.#deliver('silent', error);
    }
  }

  #open() {
    clearTimeout(this.#reconnect);
    this.#source?.close();
    if (document.hidden) return;
    const source = new EventSource(`/v1/events?topics=${encodeURIComponent(this.#topics)}`);
    this.#source = source;
    source.addEventListener('open', () => this.#onOpen());
    source.addEventListener('error', () => this.#onError(source));
    for (const kind of EVENTS) source.addEventListener(kind, (event) => this.#onEvent(kind, event.data));
  }

  #hide() {
    clearTimeout(this.#reconnect);
    this.#source?.close();
    this.#isGap = true;
  }

  #onOpen() {
    this.look();
    if (this.#isGap) this.#deliver('reset', {});
    this.#isGap = false;
  }

  // A browser comes back by itself after a lost connection, and never after an answer that is no stream.
  #onError(source) {
    if (source !== this.#source) return;
    this.#isGap = true;
    this.look();
    if (source.readyState !== EventSource.CLOSED) return;
    this.#reconnect = setTimeout(() => this.#open(), RECONNECT_MS);
  }

  #onEvent(kind, text) {
    try {
      this.#deliver(kind, JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.look();
    }
  }
}
