// The page for who works on it: `node serve.mjs` shows a made-up federation that goes on, `node serve.mjs http://operator` a real one.

import { createServer, request as ask } from 'node:http';

import { Operator } from './mock/operator.mjs';
import { servePage } from './mock/page.mjs';

const SEAL_MS = 900;
const [operator] = process.argv.slice(2);

/** The page, and everything else handed on to an operator. */
function proxy(target) {
  return createServer(async (request, response) => {
    if (await servePage(new URL(request.url, target).pathname, response)) return;
    const onward = ask(new URL(request.url, target), { method: request.method, headers: { ...request.headers, host: new URL(target).host } }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
}

async function made() {
  const mock = new Operator();
  await mock.listen();
  setInterval(() => mock.seal(Math.floor(Math.random() * 5)), SEAL_MS);
  return mock.url;
}

if (import.meta.filename === process.argv[1]) {
  if (operator) {
    const server = proxy(operator).listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
  } else {
    console.log(await made());
  }
}
