// From what somebody typed or pasted to the page that shows it.

import { NotOffered, Problem, Unreachable, ask, pathOf } from './api.mjs';
import { put } from './dom.mjs';
import { routeOf, toAddress, toBlock, toOutput } from './router.mjs';

/** Forms that mean one thing only and need no question. */
const FORMS = [
  [/^\d{1,9}$/, (text) => toBlock(Number(text))],
  [/^\d+:\d+:\d+$/, toOutput],
  [/^0x[0-9a-f]{40}$/i, toAddress],
];

/** Makes the form of the page search. */
export function searchBy(form, answer) {
  const field = form.elements.q;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === '') return;
    put(answer, 'Looking…');
    const found = await pageOf(text);
    put(answer, found.hash ? '' : found.says);
    if (!found.hash) return;
    field.value = '';
    field.blur();
    location.hash = found.hash;
  });
  field.addEventListener('input', () => put(answer));
}

async function pageOf(text) {
  const form = FORMS.find(([pattern]) => pattern.test(text));
  if (form) return { hash: form[1](text) };
  try {
    const { page } = await ask(pathOf('/v1/search', { q: text }));
    return routeOf(page).page === 'missing' ? { says: 'Nothing found' } : { hash: page };
  } catch (error) {
    return { says: reasonOf(error) };
  }
}

function reasonOf(error) {
  if (error instanceof Unreachable) return 'This operator does not answer';
  if (error instanceof NotOffered) return 'Searching for this is not offered by this operator';
  if (error instanceof Problem) return 'Nothing found';
  throw error;
}
