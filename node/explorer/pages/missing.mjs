// An address of this page that names nothing.

import { h, put } from '../dom.mjs';
import { heading, note } from '../parts.mjs';

export const title = () => 'Nothing here';

export async function show(stage, path) {
  put(stage.root, heading('Nothing here'), note('No page is called ', h('span', { class: 'mono' }, path), '. ', h('a', { href: '#/' }, 'Overview')));
}
