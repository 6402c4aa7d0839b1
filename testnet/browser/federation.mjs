// The explorer at a real federation: `node federation.mjs plasma-testnet up …` starts it, waits until it stands, has run.mjs look
// at its first operator, and ends it. Flags of run.mjs stand before the command.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const STANDS_MS_MAX = 300_000;
const ENDS_MS_MAX = 60_000;

const words = process.argv.slice(2);
const at = words.findIndex((word) => word.includes('plasma-testnet'));
if (at < 0) {
  console.error('usage: node federation.mjs [--shots FOLDER] [--only NAME] path/to/plasma-testnet up [flags]');
  process.exit(2);
}

const federation = spawn(words[at], words.slice(at + 1), { stdio: ['pipe', 'pipe', 'pipe'] });
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

const run = fileURLToPath(new URL('run.mjs', import.meta.url));
const [code] = await once(spawn(process.execPath, [run, '--url', base, ...words.slice(0, at)], { stdio: 'inherit' }), 'exit');
federation.kill('SIGINT');
setTimeout(() => federation.kill('SIGKILL'), ENDS_MS_MAX).unref();
await ended;
process.exitCode = code ?? 1;
