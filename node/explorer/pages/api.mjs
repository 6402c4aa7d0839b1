// The questions that this operator answers, from its own description of them (OpenAPI 3).

import { h, put } from '../dom.mjs';
import { badge, heading, note, panel } from '../parts.mjs';

const METHODS = ['get', 'post', 'put', 'delete'];
const DEPTH_MAX = 4;

export const title = () => 'API';

export async function show(stage) {
  const description = await stage.ask('/openapi.json');
  const groups = groupsOf(description);
  put(
    stage.root,
    heading(description.info?.title ?? 'API', description.info?.version),
    description.info?.description && note(description.info.description),
    h('p', { class: 'downloads' }, h('a', { href: '/openapi.json', download: 'openapi.json' }, 'openapi.json'), ' for code generators and other tools'),
    [...groups].map(([name, operations]) => panel(name, operations.map((operation) => operationOf(operation, description)))),
  );
}

/** Operations by their first tag, else by the first word of their path, in the order of the description. */
function groupsOf({ paths = {} }) {
  const groups = new Map();
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const operation = { path, method, ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] };
      const name = operation.tags?.[0] ?? path.split(/[/:?]/).find((word) => word && word !== 'v1') ?? path;
      groups.set(name, [...(groups.get(name) ?? []), operation]);
    }
  }
  return groups;
}

function operationOf({ path, method, summary, description, parameters, requestBody, responses }, document) {
  const canOpen = method === 'get' && !path.includes('{');
  return h(
    'details',
    { class: 'operation' },
    h('summary', {}, h('span', { class: 'method', 'data-method': method }, method.toUpperCase()), ' ', h('span', { class: 'mono' }, path), ' ', h('span', { class: 'summary' }, summary ?? '')),
    description && h('p', {}, description),
    canOpen && h('p', {}, h('a', { href: path }, 'Ask it now')),
    parameters.length > 0 && part('Parameters', h('ul', {}, parameters.map((one) => parameterOf(resolved(one, document), document)))),
    requestBody && part('Body', bodyOf(resolved(requestBody, document), document)),
    responses && part('Answers', Object.entries(responses).map(([status, response]) => responseOf(status, resolved(response, document), document))),
  );
}

function part(name, content) {
  return [h('h3', {}, name), content];
}

function parameterOf({ name, in: place, required, description, schema }, document) {
  return h('li', {}, h('code', {}, name), ` ${typeOf(schema, document)}, in the ${place}`, required && [' ', badge('needed')], description && ` – ${description}`);
}

function responseOf(status, { description, content }, document) {
  return h('div', { class: 'response' }, h('p', {}, h('strong', {}, status), ' ', description ?? ''), bodyOf({ content }, document));
}

function bodyOf({ content = {} }, document) {
  return Object.entries(content).map(([type, { schema }]) => h('div', {}, h('p', { class: 'mono' }, type), membersOf(schema, document, 0)));
}

/** The members of an object, and of the objects in it. */
function membersOf(schema, document, depth) {
  const { properties, items, required = [] } = resolved(schema, document);
  if (items) return membersOf(items, document, depth);
  if (!properties || depth >= DEPTH_MAX) return undefined;
  return h(
    'ul',
    { class: 'members' },
    Object.entries(properties).map(([name, member]) => {
      const { description } = resolved(member, document);
      return h('li', {}, h('code', {}, name), ` ${typeOf(member, document)}`, !required.includes(name) && ', may be absent', description && ` – ${description}`, membersOf(member, document, depth + 1));
    }),
  );
}

function typeOf(schema, document) {
  const { type, items, enum: values, oneOf, anyOf, format } = resolved(schema, document);
  const kinds = oneOf ?? anyOf;
  if (kinds) return kinds.map((one) => typeOf(one, document)).join(' or ');
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (items) return `list of ${typeOf(items, document)}`;
  return [type].flat().join(' or ') + (format ? ` (${format})` : '');
}

function resolved(schema, document) {
  const found = referenced(schema, document);
  if (!found.allOf) return found;
  const parts = found.allOf.map((part) => resolved(part, document));
  return { type: 'object', ...found, properties: Object.assign({}, ...parts.map(({ properties }) => properties)), required: parts.flatMap(({ required }) => required ?? []) };
}

function referenced(schema, document) {
  const { $ref: reference } = schema ?? {};
  if (!reference?.startsWith('#/')) return schema ?? {};
  const found = reference
    .slice(2)
    .split('/')
    .reduce((at, name) => at?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  return found ?? {};
}
