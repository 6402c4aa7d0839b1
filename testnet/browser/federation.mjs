// A real federation for what looks at one: `node federation.mjs plasma-testnet up … -- COMMAND … [-- COMMAND …]` starts it, waits
// until it stands, runs the commands one after the other with the address of its first operator for the word {url}, and ends it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const STANDS_MS_MAX = 300_000;
const ENDS_MS_MAX = 60_000;

/** Lists of words, between `--`. */
function* lists(words) {
  for (let rest = words; rest.length > 0; ) {
    const end = rest.includes('--') ? rest.indexOf('--') : rest.length;
    yield rest.slice(0, end);
    rest = rest.slice(end + 1);
  }
}

const [up, ...commands] = lists(process.argv.slice(2));
if (!up?.length || !commands.length || commands.some((words) => words.length === 0)) {
  console.error('usage: node federation.mjs path/to/plasma-testnet up [flags] -- command [-- command …]');
  process.exit(2);
}

const federation = spawn(up[0], up.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
const ended = once(federation, 'exit');
let said = '';
const base = await new Promise((stands, fails) => {
  const listen = (bytes) => {
    said += bytes;
    const operator = /operator 0 +(http:\S+)/.exec(said);
    if (operator && /^ *Stop /m.test(said)) stands(operator[1]);
  };
  federation.stdout.on('data', listen);
  federation.stderr.on('data', listen);
  federation.once('error', fails);
  federation.once('exit', () => fails(new Error('it ended')));
  setTimeout(() => fails(new Error(`it does not stand after ${STANDS_MS_MAX / 1_000} s`)), STANDS_MS_MAX).unref();
}).catch((error) => {
  console.error(`${said}\n${error.message}`);
  federation.kill('SIGINT');
  process.exit(1);
});

let failures = 0;
for (const words of commands) {
  const [program, ...flags] = words.map((word) => (word === '{url}' ? base : word));
  const [code] = await once(spawn(program, flags, { stdio: 'inherit' }), 'exit');
  if (code !== 0) failures += 1;
}
federation.kill('SIGINT');
setTimeout(() => federation.kill('SIGKILL'), ENDS_MS_MAX).unref();
await ended;
process.exitCode = failures > 0 ? 1 : 0;
