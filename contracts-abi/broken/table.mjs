// Holds docs/attacks.md to the tests: every K-number and scenario has tests and twins, and every name in it exists.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { missed } from "./missed.mjs";

/** The attacks that must be there. */
const numbers = [
  ...range(1, 18), ...range(20, 22), ...range(30, 36), ...range(40, 43), ...range(50, 55), ...range(60, 65),
].map((number) => `K${number}`);
const scenarios = 12;

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Function names of all test files, with the file each is in, and what every twin switches off. */
function declared(folder) {
  const [tests, twins] = [new Set(), new Map()];
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (!entry.endsWith(".sol")) continue;
    const text = readFileSync(join(folder, entry), "utf8");
    for (const [, name] of text.matchAll(/function ((?:test|testFuzz|invariant)_\w+)\(/g)) tests.add(name);
    for (const [, name, body] of text.matchAll(/function (twin_\w+)\(\) external \{([^}]*)\}/g)) {
      twins.set(name, [...body.matchAll(/_without\("(\w+)"\)/g)].map((match) => match[1]));
    }
  }
  return { tests, twins };
}

/** What is wrong, one line each. */
export function check({ package_, house, rules }) {
  const complaints = [];
  const { tests, twins } = declared(join(package_, "test"));
  const rows = readFileSync(join(house, "docs", "attacks.md"), "utf8")
    .split("\n")
    .filter((line) => /^\| (K\d+|S\d+) \|/.test(line))
    .map((line) => {
      const [name, what, ...cells] = line.split("|").slice(1, 6).map((cell) => cell.trim());
      const [own, off, more] = cells.map((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]));
      return { name, what, own, off, more };
    });
  const told = new Set();
  for (const name of [...numbers, ...range(1, scenarios).map((number) => `S${number}`)]) {
    const found = rows.filter((row) => row.name === name);
    if (found.length !== 1) {
      complaints.push(`${name} has ${found.length} rows in docs/attacks.md`);
      continue;
    }
    const [{ what, own, off, more }] = found;
    const prefix = `test_${name[0]}${name.slice(1).padStart(2, "0")}_`;
    if (!what || own.length === 0) complaints.push(`${name} has no words or no tests in docs/attacks.md`);
    const expected = new Set();
    for (const test of own) {
      told.add(test);
      const twin = test.replace("test_", "twin_");
      if (!test.startsWith(prefix)) complaints.push(`${name} names ${test}, which is not called ${prefix}…`);
      if (!tests.has(test)) complaints.push(`${name} names ${test}, which is no test`);
      if (!twins.has(twin)) complaints.push(`${test} has no twin`);
      for (const rule of twins.get(twin) ?? []) expected.add(rule);
    }
    const same = off.length === expected.size && off.every((rule) => expected.has(rule));
    if (!same) complaints.push(`${name}: its twins switch ${[...expected].join(", ")} off, docs/attacks.md says ${off.join(", ")}`);
    for (const test of more) if (!tests.has(test)) complaints.push(`${name} names ${test}, which is no test`);
  }
  for (const name of [...tests, ...[...twins.keys()].map((twin) => twin.replace("twin_", "test_"))]) {
    if (/^test_[KS]\d+_/.test(name) && !told.has(name)) complaints.push(`docs/attacks.md does not tell of ${name}`);
  }
  for (const { test } of missed) if (!tests.has(test)) complaints.push(`broken/missed.mjs names ${test}, which is no test`);
  const broken = new Set([...[...twins.values()].flat(), ...missed.map(({ rule }) => rule)]);
  for (const rule of rules) if (!broken.has(rule)) complaints.push(`no twin switches ${rule} off`);
  for (const rule of broken) if (!rules.includes(rule)) complaints.push(`a twin switches ${rule} off, which is no rule`);
  return [...new Set(complaints)];
}
