// Questions to this operator. Every failure is one of three: the operator says no (`Problem`), its version does not know the
// path (`NotOffered`), or it does not answer (`Unreachable`).

const TIMEOUT_MS = 10_000;
const UNKNOWN_PATH = 'there is no such path';

/** A refusal as the operator words it (RFC 9457). */
export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? `status ${document.status}`);
    this.title = document.title ?? 'Refused';
    this.code = document.code;
    this.status = document.status;
    this.hint = document.hint;
  }
}

/** The operator runs a version without this question. */
export class NotOffered extends Error {
  constructor(path) {
    super('not offered by this operator');
    this.path = path;
  }
}

/** No answer, or one that is none. */
export class Unreachable extends Error {}

/** The JSON document at a path of this operator. */
export async function ask(path, signal) {
  const response = await fetched(path, signal);
  if (response.ok) return read(response);
  const problem = await read(response).catch(() => undefined);
  const isUnknown = response.status === 404 && (problem === undefined || problem.detail === UNKNOWN_PATH);
  if (isUnknown) throw new NotOffered(path);
  throw new Problem({ status: response.status, ...problem });
}

/** The same, or nothing where the operator does not offer it. */
export async function askIfOffered(path, signal) {
  try {
    return await ask(path, signal);
  } catch (error) {
    if (error instanceof NotOffered) return undefined;
    throw error;
  }
}

/** A path with its query; what is empty is left out. */
export function pathOf(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

async function fetched(path, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(path, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout, headers: { accept: 'application/json' } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable('this operator does not answer');
  }
}

async function read(response) {
  try {
    return await response.json();
  } catch {
    throw new Unreachable('this operator answers with something that is no JSON');
  }
}
