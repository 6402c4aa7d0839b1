// Elements from names, properties and text. Text only ever becomes a text node, so nothing that an operator says is
// read as HTML; an address to follow must lie inside this page or this operator.

const SVG = 'http://www.w3.org/2000/svg';
const SAFE_ADDRESS = /^(#|\/(?!\/)|blob:)/;

/** An HTML element. Children are nodes, texts, or nothing. */
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** An SVG element. */
export function s(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** Puts these children in the place of all that an element held. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(isChild));
  return element;
}

/** The same, unless somebody is at it: what has the focus does not move away from under their hands. */
export function renew(element, ...children) {
  return element.contains(document.activeElement) ? element : put(element, ...children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  element.append(...children.flat(Infinity).filter(isChild));
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (typeof value === 'function') element.addEventListener(name, value);
  else if (name === 'href' && !SAFE_ADDRESS.test(value)) throw new RangeError(`not an address of this page: ${value}`);
  else if (name === 'vars') for (const [variable, text] of Object.entries(value)) element.style.setProperty(variable, text);
  else element.setAttribute(name, value === true ? '' : value);
}

function isChild(child) {
  return child !== undefined && child !== null && child !== false && child !== '';
}
