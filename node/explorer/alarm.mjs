// What everybody must see on every page, and how bad it is. Pure.

/** An alert of these kinds says what a blocker says already. */
const BLOCKER_OF = { stopped: 'stopped', halted: 'halted', withheld_block: 'blocks-unavailable', no_quorum: 'no-quorum', no_progress: 'no-progress' };
const RANKS = ['critical', 'warning', 'info'];
const ALERTS_TOLD = 3;

/**
 * What is told of alerts and blockers, the worst first: { severity, title, text, isAlert }. A blocker is as bad as the alert that
 * says the same, which it stands for; before there is one it is a warning.
 */
export function told(alerts, blockers) {
  const codes = new Set(blockers.map(({ code }) => code));
  const others = alerts.filter(({ kind }) => !codes.has(BLOCKER_OF[kind])).sort(worseFirst);
  const severityOf = (code) => alerts.find(({ kind }) => BLOCKER_OF[kind] === code)?.severity ?? 'warning';
  return [
    ...blockers.map(({ code, text, hint }) => ({ severity: severityOf(code), title: code, text: `${text} – ${hint}`, isAlert: false })),
    ...others.slice(0, ALERTS_TOLD).map(({ severity, kind, text }) => ({ severity, title: kind.replaceAll('_', ' '), text, isAlert: true })),
  ].sort(worseFirst);
}

function worseFirst(one, other) {
  return RANKS.indexOf(one.severity) - RANKS.indexOf(other.severity);
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
