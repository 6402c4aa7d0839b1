// From `#/block/12` to the page that shows it, and back.

const ROUTES = [
  ['home', /^\/?$/],
  ['blocks', /^\/blocks$/],
  ['block', /^\/block\/([^/]+)$/],
  ['transaction', /^\/tx\/([^/]+)$/],
  ['address', /^\/address\/([^/]+)$/],
  ['output', /^\/output\/([^/]+)$/],
  ['federation', /^\/federation$/],
  ['reserves', /^\/reserves$/],
  ['exits', /^\/exits$/],
  ['alerts', /^\/alerts$/],
  ['api', /^\/api$/],
];

/** { page, argument } of a hash; the page is `missing` when no route fits. */
export function routeOf(hash) {
  const path = hash.replace(/^#/, '');
  for (const [page, pattern] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { page, argument: decoded(found[1]) };
  }
  return { page: 'missing', argument: path };
}

function decoded(text) {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
}

const to = (page) => (name) => `#/${page}/${encodeURIComponent(name).replaceAll('%3A', ':')}`;

export const toBlock = to('block');
export const toTransaction = to('tx');
export const toAddress = to('address');
export const toOutput = to('output');
