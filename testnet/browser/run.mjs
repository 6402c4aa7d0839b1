// The explorer in a real browser: `node run.mjs` against a made-up operator, `node run.mjs --url http://operator` against a real one.
//
// A test opens visits and says what must be seen; there is no sleeping, only waiting for what must come. Whatever a visit's
// console says fails its test. `--only` is a pattern of names. Screenshots go to the folder of `--shots`, when it is given.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Visit, launch } from './browser.mjs';
import { Operator } from './mock/operator.mjs';
import * as made from './tests/made.mjs';
import * as overview from './tests/overview.mjs';
import * as real from './tests/real.mjs';

const { values: asked } = parseArgs({ options: { url: { type: 'string' }, shots: { type: 'string' }, only: { type: 'string' } } });

/** What a test works with; all that it opens ends with it. */
class Bench {
  #visits = [];
  #operators = [];

  constructor(browser, url) {
    this.browser = browser;
    this.url = url;
  }

  /** A made-up operator of this test's own. */
  async operator() {
    const operator = new Operator();
    await operator.listen();
    this.#operators.push(operator);
    return operator;
  }

  async visit(base, options) {
    const visit = await Visit.open(this.browser, base, options);
    this.#visits.push(visit);
    return visit;
  }

  async shot(visit, name) {
    if (!asked.shots) return;
    await mkdir(asked.shots, { recursive: true });
    await visit.page.screenshot({ path: join(asked.shots, `${name}.png`), fullPage: true });
  }

  complaints() {
    return this.#visits.flatMap((visit) => visit.complaints);
  }

  async end() {
    for (const visit of this.#visits) await visit.close();
    for (const operator of this.#operators) await operator.close();
  }
}

/** A test that hangs must not hide the others. */
const TEST_MS_MAX = 180_000;

function limited(test) {
  let timer;
  const limit = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`not done after ${TEST_MS_MAX / 1_000} s`)), TEST_MS_MAX);
  });
  return Promise.race([test, limit]).finally(() => clearTimeout(timer));
}

async function passes(browser, name, test) {
  const began = Date.now();
  const bench = new Bench(browser, asked.url);
  let failure;
  try {
    await limited(test(bench));
    if (bench.complaints().length > 0) throw new Error(`the console says:\n${bench.complaints().join('\n')}`);
  } catch (error) {
    failure = error;
  }
  await bench.end().catch((error) => (failure ??= error));
  console.log(`${failure ? 'FAIL' : 'ok  '} ${((Date.now() - began) / 1_000).toFixed(1)} s  ${name}`);
  if (failure) console.log([failure.stack, ...bench.complaints()].join('\n'));
  return !failure;
}

const tests = Object.entries(asked.url ? real : { ...made, ...overview }).filter(([name]) => new RegExp(asked.only ?? '').test(name));
const browser = await launch();
let passed = 0;
for (const [name, test] of tests) passed += await passes(browser, name, test);
await browser.close();
console.log(`${passed} passed, ${tests.length - passed} failed`);
process.exitCode = passed === tests.length && passed > 0 ? 0 : 1;
