// The operators: who they are, who is in reach of this one, who signs.

import { h, put } from '../dom.mjs';
import { count } from '../format.mjs';
import { addressLink, badge, blockLink, failure, fields, heading, memberName, panel, table, whole } from '../parts.mjs';
import { NEWEST, isSilent } from '../rates.mjs';

const AGAIN_MS = 2_000;
const FRESH = ['status', 'peers', 'block.committed'];

export const title = () => 'Federation';

export async function show(stage) {
  const [meter, members] = [h('div', {}), h('div', {})];
  put(stage.root, heading('Federation', stage.facts.network.name), panel('Quorum', meter), panel('Operators', members), panel('Keys and addresses', keysTable(stage.facts)), chainOf(stage.facts.network));
  let status = await stage.ask('/v1/status');
  const drawMeter = () => put(meter, meterOf(status));
  drawMeter();
  try {
    put(members, membersTable(await stage.ask('/v1/federation')));
  } catch (error) {
    put(members, failure(error));
    return onStatus;
  }

  const again = stage.trigger(AGAIN_MS, async () => {
    put(members, membersTable(await stage.ask('/v1/federation')));
  });
  function onStatus(kind, content) {
    if (kind === 'status') status = content;
    if (kind === 'peers') status = { ...status, peers: { ...status.peers, members: content.members } };
    drawMeter();
  }
  return (kind, content) => {
    onStatus(kind, content);
    if (FRESH.includes(kind)) again();
  };
}

function meterOf({ peers, consensus }) {
  const online = peers.members.length + 1;
  const isEnough = online >= peers.quorum;
  const says = `${peers.quorum} of ${peers.committee} needed, ${online} online`;
  return [
    h('div', { class: 'meter', role: 'meter', 'aria-valuemin': '0', 'aria-valuemax': String(peers.committee), 'aria-valuenow': String(online), 'aria-valuetext': says, 'aria-label': 'Operators in reach', 'data-enough': isEnough ? 'yes' : 'no' }, segments(peers, online)),
    h('p', { id: 'quorum-says' }, h('strong', {}, says), isEnough ? '' : ': nothing can be decided', `. Epoch ${consensus.epoch}, view ${consensus.view}.`),
  ];
}

function segments({ committee, quorum }, online) {
  return Array.from({ length: committee }, (_, at) => h('span', { 'data-online': at < online ? 'yes' : 'no', 'data-last-needed': at === quorum - 1 ? 'yes' : 'no' }));
}

function membersTable(federation) {
  const named = { nameOf: (index) => federation.members.find((member) => member.index === index)?.name || `operator ${index}` };
  const isUs = (member) => member.index === federation.operator;
  return table({
    label: 'Operators of the running committee',
    columns: [
      { head: 'Operator', cell: (member) => [memberName(member.index, named), isUs(member) && ' (answers here)'] },
      { head: 'Seen from here', cell: (member) => (isUs(member) || member.connected ? badge('online', 'good') : badge('offline', 'bad')) },
      { head: 'Last signed', kind: 'number', cell: ({ last_signed_height: height }) => (height === null ? undefined : blockLink(height)) },
      { head: 'Missed', kind: 'number', cell: (member) => missedOf(member, federation.height) },
      { head: 'Account', cell: ({ operator }) => addressLink(operator) },
    ],
    rows: federation.members,
  });
}

function missedOf(member, height) {
  const { missed, of } = member;
  if (of === 0) return undefined;
  const says = isSilent(member, height) ? `it signed none of the newest ${NEWEST} blocks` : 'a quorum is enough, so the slowest miss some';
  return h('span', { class: isSilent(member, height) ? 'missed' : '', title: `of the newest ${count(of, 'certificate')}: ${says}` }, `${missed} of ${of}`);
}

function keysTable(facts) {
  return table({
    label: 'Keys and addresses of the operators',
    columns: [
      { head: 'Operator', cell: ({ index }) => memberName(index, facts) },
      { head: 'BLS key', cell: ({ bls_public_key: key }) => whole(key, 'the key') },
      { head: 'Peer', cell: ({ peer_id: peer }) => whole(peer, 'the peer id') },
      { head: 'Listens at', cell: ({ addresses }) => addresses.map((address) => h('div', { class: 'mono' }, address)) },
    ],
    rows: facts.members,
  });
}

function chainOf(network) {
  return panel(
    'Chain',
    fields({
      'Ethereum chain': String(network.l1_chain_id),
      Contract: whole(network.contract, 'the address'),
      Genesis: whole(network.genesis_hash, 'the hash'),
      Confirmations: String(network.confirmations),
      'Faults tolerated': String(network.faults),
    }),
  );
}
