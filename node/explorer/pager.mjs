// A list of any length, one page of it at a time: what was turned over is dropped, and only the way back is kept.

import { pathOf } from './api.mjs';
import { h, put, renew } from './dom.mjs';
import { count } from './format.mjs';
import { failure, note, table } from './parts.mjs';

const ROWS = 100;
/** How many pages back the button leads; further back leads the first page. */
const TRAIL_MAX = 1_000;

/**
 * A paged table of `path`, whose query is `query` and whose empty page says `empty`.
 * Returns { node, load }: `load` reads the page that is shown once more, or the first one of another query.
 */
export function pager(stage, { path, label, columns, empty, rows = ROWS }) {
  const body = h('div', {});
  const place = h('span', { class: 'place', role: 'status' });
  const first = turner('First', () => turn(() => (trail = [undefined])));
  const previous = turner('Previous', () => turn(() => trail.pop()));
  const next = turner('Next', () => turn(() => (trail = [...trail, nextCursor].slice(-TRAIL_MAX))));
  const node = h('div', { class: 'paged' }, body, h('div', { class: 'turners' }, first, previous, next, place));
  let trail = [undefined];
  let nextCursor = null;
  let query = {};

  async function turn(move) {
    move();
    await read(put);
  }

  async function read(fill) {
    node.setAttribute('aria-busy', 'true');
    try {
      const page = await stage.ask(pathOf(path, { ...query, limit: rows, cursor: trail.at(-1) }));
      draw(page, fill);
    } catch (error) {
      if (stage.isClosed) return;
      put(body, failure(error));
      node.dataset.failed = 'yes';
    } finally {
      node.removeAttribute('aria-busy');
    }
  }

  function draw(page, fill) {
    delete node.dataset.failed;
    nextCursor = page.next_cursor;
    fill(body, page.items.length > 0 ? table({ label, columns, rows: page.items }) : note(empty));
    const isFirst = trail.at(-1) === undefined;
    first.disabled = isFirst;
    previous.disabled = isFirst || trail.length < 2;
    next.disabled = nextCursor === null;
    node.dataset.single = isFirst && nextCursor === null ? 'yes' : 'no';
    place.textContent = `${count(page.items.length, 'row')}, as of block ${page.height}`;
  }

  return {
    node,
    load(changed) {
      if (!changed) return read(renew);
      [query, trail] = [changed, [undefined]];
      return read(put);
    },
  };
}

function turner(text, click) {
  return h('button', { type: 'button', click, disabled: true }, text);
}
