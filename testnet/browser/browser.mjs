// A browser for tests: what it opens, and what it must never say.

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT_MS = 30_000;
const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 375, height: 740 };
/** The narrowest window in which tables are tables (style.css). */
export const BETWEEN = { width: 761, height: 740 };

export function launch() {
  // Containers give shared memory of 64 MB, which pages outgrow; root has no sandbox.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/**
 * One visit of the page. Whatever the console or an uncaught error says is a complaint, save for the browser's own words about
 * answers that a test provokes: `expected` names the paths, which may fail to load.
 */
export class Visit {
  complaints = [];

  static async open(browser, base, { expected = [], ...options } = {}) {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const visit = new Visit();
    Object.assign(visit, { base, context, page: await context.newPage() });
    visit.page.setDefaultTimeout(WAIT_MS);
    visit.page.on('pageerror', (error) => visit.complaints.push(String(error.stack)));
    visit.page.on('console', (message) => visit.#onConsole(message, expected));
    return visit;
  }

  /** Goes to a route and waits until its page stands. */
  async to(hash) {
    await this.page.goto(`${this.base}/${hash}`);
    await this.stands();
  }

  stands() {
    return this.page.waitForSelector('main:not([aria-busy]) h1', { state: 'attached' });
  }

  /** Waits until this is true in the page. */
  until(condition, argument, timeout = WAIT_MS) {
    return this.page.waitForFunction(condition, argument, { timeout });
  }

  text(selector) {
    return this.page.textContent(selector);
  }

  /** Waits until an element contains this text. */
  shows(selector, text) {
    return this.until(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, text]);
  }

  async close() {
    await this.context.close();
  }

  #onConsole(message, expected) {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const { url } = message.location();
    const isExpected = message.text().startsWith('Failed to load resource') && expected.some((path) => url.includes(path));
    if (!isExpected) this.complaints.push(`${message.text()} ${url}`);
  }
}
