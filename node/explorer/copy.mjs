// Copying by a button, and telling so to who cannot see it.

import { h } from './dom.mjs';

const TOLD_MS = 1_500;

/** A button that copies this text. */
export function copyButton(text, what) {
  return h('button', { type: 'button', class: 'copy', 'data-copy': text, 'aria-label': `Copy ${what}`, title: `Copy ${what}` });
}

/** Makes every copy button of the document work. */
export function listen(spoken) {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (!button) return;
    const isCopied = await copied(button.dataset.copy);
    spoken.textContent = isCopied ? 'Copied' : 'Could not copy';
    button.dataset.copied = isCopied ? 'yes' : 'no';
    setTimeout(() => delete button.dataset.copied, TOLD_MS);
  });
}

// The clipboard belongs to secure pages; an operator in a local network is served without TLS.
async function copied(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => copiedBySelection(text),
    );
  }
  return copiedBySelection(text);
}

function copiedBySelection(text) {
  const field = h('textarea', { class: 'hidden', 'aria-hidden': 'true' });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  return isCopied;
}
