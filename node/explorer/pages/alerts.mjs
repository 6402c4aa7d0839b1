// What an operator must look at: alerts that stand, and those that stood.

import { h, put } from '../dom.mjs';
import { pager } from '../pager.mjs';
import { badge, blockLink, heading, memberName, outputLink, panel, timeOf } from '../parts.mjs';

const AGAIN_MS = 3_000;
const TONES = { info: 'quiet', warning: 'warn', critical: 'bad' };

export const title = () => 'Alerts';

export async function show(stage) {
  const list = pager(stage, { path: '/v1/alerts', label: 'Alerts, newest first', empty: 'No alert. That is the news.', columns: columnsOf(stage.facts) });
  const onlyActive = h('input', { type: 'checkbox', checked: true, change: () => list.load(query()) });
  const query = () => ({ active: onlyActive.checked ? 'true' : undefined });
  put(stage.root, heading('Alerts'), panel('Alerts', h('label', { class: 'choice' }, onlyActive, ' only those that stand'), list.node));
  await list.load(query());

  const again = stage.trigger(AGAIN_MS, () => list.load());
  return (kind) => {
    if (kind === 'reset' || kind.startsWith('alert.') || (kind === 'status' && !stage.live.isStreaming)) again();
  };
}

function columnsOf(facts) {
  return [
    { head: 'Alert', cell: ({ kind, severity }) => badge(kind.replaceAll('_', ' '), TONES[severity]) },
    { head: 'Severity', cell: ({ severity }) => severity },
    { head: 'What', cell: ({ text }) => text },
    { head: 'About', cell: (alert) => aboutOf(alert, facts) },
    { head: 'Raised', cell: ({ raised }) => timeOf(Date.parse(raised)) },
    { head: 'Cleared', cell: ({ cleared }) => (cleared ? timeOf(Date.parse(cleared)) : 'stands') },
  ];
}

function aboutOf({ height, operator, exit, output }, facts) {
  return [
    height !== undefined && ['block ', blockLink(height), ' '],
    operator !== undefined && [memberName(operator, facts), ' '],
    exit !== undefined && ['exit ', h('span', { class: 'mono' }, exit), ' '],
    output !== undefined && ['output ', outputLink(output)],
  ];
}
