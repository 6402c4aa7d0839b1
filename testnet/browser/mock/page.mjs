// Serves the page as an operator must: these types, and a policy under which no inline script or style works.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

const FOLDER = new URL('../../../node/explorer/', import.meta.url);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Answers with a file of the page; false when there is none of that name. */
export async function servePage(path, response) {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const type = TYPES[extname(name)];
  if (!type || name.includes('..')) return false;
  const content = await readFile(new URL(name, FOLDER)).catch(() => undefined);
  if (!content) return false;
  response.writeHead(200, {
    'content-type': type,
    'content-security-policy': "default-src 'self'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  response.end(content);
  return true;
}
