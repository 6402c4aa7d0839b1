// The pictures: a line of pace, and the way of money through a payment.

import { s } from './dom.mjs';

const FLOW_WIDTH_MAX = 14;
const FLOW_WIDTH_MIN = 1.5;

/** A line over equal steps, oldest left, with the area under it. */
export function sparkline(values, label) {
  const top = Math.max(1, ...values);
  const x = (at) => (at * 100) / Math.max(1, values.length - 1);
  const y = (value) => 29 - (value * 27) / top;
  const line = values.map((value, at) => `${x(at).toFixed(2)},${y(value).toFixed(2)}`).join(' ');
  return s(
    'svg',
    { class: 'spark', viewBox: '0 0 100 30', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    s('polygon', { class: 'spark-area', points: `0,30 ${line} 100,30` }),
    s('polyline', { class: 'spark-line', points: line }),
  );
}

/** Curves from evenly stacked inputs through one knot to evenly stacked outputs, as wide as their share. */
export function flow(inputs, outputs) {
  return s(
    'svg',
    { class: 'flow-lines', viewBox: '0 0 100 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    strands(inputs, (y) => `M0,${y} C30,${y} 20,50 50,50`, 'flow-in'),
    strands(outputs, (y) => `M50,50 C80,50 70,${y} 100,${y}`, 'flow-out'),
  );
}

function strands(amounts, path, kind) {
  const sum = amounts.reduce((all, one) => all + BigInt(one), 0n) || 1n;
  return amounts.map((amount, at) => {
    const share = Number((BigInt(amount) * 1_000n) / sum) / 1_000;
    const y = (((at + 0.5) * 100) / amounts.length).toFixed(1);
    return s('path', { class: kind, d: path(y), 'stroke-width': Math.max(FLOW_WIDTH_MIN, FLOW_WIDTH_MAX * share).toFixed(1) });
  });
}
