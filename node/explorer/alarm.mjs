// Which alerts everybody must see on every page. Pure.

/** An alert of these kinds says what a blocker says already. */
const BLOCKER_OF = { stopped: 'stopped', halted: 'halted', withheld_block: 'blocks-unavailable', no_quorum: 'no-quorum', no_progress: 'no-progress' };
const RANKS = ['critical', 'warning', 'info'];

/** Alerts by their weight, the heaviest first, without those that a blocker tells. */
export function weighed(alerts, blockers) {
  const told = new Set(blockers.map(({ code }) => code));
  const rank = ({ severity }) => RANKS.indexOf(severity);
  return alerts.filter(({ kind }) => !told.has(BLOCKER_OF[kind])).sort((one, other) => rank(one) - rank(other));
}

/** The alerts that stand after an event, and the others as they were. */
export function after(alerts, kind, alert) {
  const others = alerts.filter(({ id }) => id !== alert.id);
  return kind === 'alert.raised' ? [alert, ...others] : others;
}

/** The sign beside the word Alerts; nothing where no critical one stands. */
export function signOf(alerts) {
  const count = alerts.filter(({ severity }) => severity === 'critical').length;
  return count === 0 ? '' : `${count} critical`;
}
