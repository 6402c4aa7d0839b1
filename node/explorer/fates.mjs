// What became of outputs, many of them in one question.

import { NotOffered, Problem, pathOf } from './api.mjs';

/** Outputs by their positions, of which the operator takes 100; those that it does not tell are left out. */
export async function fatesOf(stage, positions) {
  if (positions.length === 0) return {};
  try {
    const { items } = await stage.ask(pathOf('/v1/outputs', { ids: positions.join(',') }));
    return Object.fromEntries(items.filter(({ status }) => status !== 'unknown').map((output) => [output.output, output]));
  } catch (error) {
    if (error instanceof Problem || error instanceof NotOffered) return {};
    throw error;
  }
}
