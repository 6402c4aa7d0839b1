// Shows that no attack test is vacuous: makes a copy of the contracts in which single rules can be switched off, and
// runs in it every test with no rule off, and every twin with its rule off.
//
//   node broken/run.mjs            copy, compile, run, compare with docs/attacks.md
//   node broken/run.mjs --copy     only copy
//   node broken/run.mjs ARGUMENTS  copy, then forge test with these arguments
//
// The copy lies in target/attacks. A rule is off when `block.coinbase` is its name: that costs two gas, works in pure
// functions and in constructors, and a test sets it with one cheat code (test/attacks/Attack.sol).

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { missed } from "./missed.mjs";
import { places } from "./places.mjs";
import { check } from "./table.mjs";

const package_ = dirname(dirname(fileURLToPath(import.meta.url)));
const house = dirname(package_);
const copy = join(house, "target", "attacks", "contracts");

/** Tests that look at what our bytecode costs or how large it is: the copy's is another. */
const ofSize = /(Gas\w*|Sizes)\.t\.sol$/;

const switchboard = `// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

library Broken {
    function on(bytes20 rule) internal pure returns (bool) {
        return _pure(_on)(rule);
    }

    function _on(bytes20 rule) private view returns (bool is_) {
        assembly ("memory-safe") {
            is_ := eq(coinbase(), shr(96, rule))
        }
    }

    function _pure(function(bytes20) view returns (bool) reads)
        private
        pure
        returns (function(bytes20) pure returns (bool) calls)
    {
        assembly ("memory-safe") {
            calls := reads
        }
    }
}
`;

// The quickest way through the compiler: the code is large and slow, and nobody pays for it.
const configuration = `[profile.default]
src = "contracts"
test = "test"
out = "out"
libs = []
offline = true
solc = "./solc"
evm_version = "prague"
optimizer = true
optimizer_runs = 1
via_ir = true
bytecode_hash = "none"
cbor_metadata = false
code_size_limit = 200000
gas_limit = 10000000000
fs_permissions = [
    { access = "read", path = "../core/tests/vectors" },
    { access = "read", path = "./out" },
]
additional_compiler_profiles = [{ name = "tests", via_ir = false, optimizer_runs = 1 }]
compilation_restrictions = [{ paths = "test/**", via_ir = false, optimizer_runs = 1 }]

[profile.default.optimizer_details.yulDetails]
stackAllocation = true
optimizerSteps = ":"

[fuzz]
runs = 16
seed = "0x706c61736d61"

[invariant]
runs = 2
depth = 32
`;

function fail(...lines) {
  console.error(lines.join("\n"));
  process.exit(1);
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The text of a place, whatever its white space. */
function pattern(text) {
  const escaped = text.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(escaped.replace(/\s+/g, "\\s+"), "g");
}

function occurrences(sources, { was, in: where }) {
  return Object.keys(sources)
    .filter((path) => where === undefined || path.endsWith(where))
    .flatMap((path) => [...sources[path].matchAll(pattern(was))].map(() => path));
}

/** Writes every place into the sources. A place that is not there exactly once is an error. */
function breakRules(sources) {
  const lost = [];
  for (const place of places) {
    const forms = [place].flat();
    const found = forms.map((form) => occurrences(sources, form));
    const total = found.flat().length;
    if (total !== 1) {
      lost.push(`found ${total} times: ${forms.map((form) => form.was + (form.in ? ` (in ${form.in})` : "")).join("\n  or ")}`);
      continue;
    }
    const number = found.findIndex((paths) => paths.length === 1);
    const [{ was, becomes }, path] = [forms[number], found[number][0]];
    sources[path] = sources[path].replace(pattern(was), (match) => becomes.replaceAll("$&", match));
  }
  if (lost.length) fail("broken/places.mjs names places that the contracts do not have:", ...lost);
}

/** Every rule that can be switched off. */
export const rules = [...new Set(places.flat().flatMap(({ becomes }) => [...becomes.matchAll(/Broken\.on\("(\w+)"\)/g)].map((match) => match[1])))];

function writeCopy() {
  const sources = {};
  for (const path of files(join(package_, "contracts"))) sources[`/${relative(package_, path)}`] = readFileSync(path, "utf8");
  breakRules(sources);
  for (const [path, text] of Object.entries(sources)) {
    if (!text.includes("Broken.on(")) continue;
    const up = relative(dirname(path), "/contracts/Broken.sol");
    sources[path] = text.replace(/^pragma solidity .*$/m, `$&\n\nimport {Broken} from "${up.startsWith(".") ? up : `./${up}`}";`);
  }
  sources["/contracts/Broken.sol"] = switchboard;
  for (const path of files(join(package_, "test"))) {
    if (ofSize.test(path)) continue;
    // Twins are no tests where no rule can be switched off.
    sources[`/${relative(package_, path)}`] = readFileSync(path, "utf8").replaceAll("function twin_", "function test_twin_");
  }
  sources["/foundry.toml"] = configuration;
  mkdirSync(copy, { recursive: true });
  for (const part of ["contracts", "test"]) rmSync(join(copy, part), { recursive: true, force: true });
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  }
  cpSync(join(package_, "solc"), join(copy, "solc"));
  for (const [from, to] of [[join(package_, "node_modules"), join(copy, "node_modules")], [join(house, "core"), join(dirname(copy), "core")]]) {
    if (!existsSync(to)) symlinkSync(from, to);
  }
}

function forge(...words) {
  const { status, error } = spawnSync(join(package_, "forge"), words, { cwd: copy, stdio: "inherit" });
  if (error) fail(`forge: ${error.message}`);
  if (status !== 0) fail(`forge ${words.join(" ")} failed in ${relative(house, copy)}`);
}

/** Runs what must fail with a rule off, and looks at why it does. */
function runMissed() {
  for (const { rule, test, because } of missed) {
    const coinbase = `0x${Buffer.from(rule.padEnd(20, "\0")).toString("hex")}`;
    const words = ["test", "--json", "--block-coinbase", coinbase, "--match-test", `^${test}\\(`];
    const { stdout } = spawnSync(join(package_, "forge"), words, { cwd: copy, encoding: "utf8" });
    let results = [];
    try {
      results = Object.values(JSON.parse(stdout)).flatMap((suite) => Object.values(suite.test_results));
    } catch {
      fail(`${test} without ${rule}: forge says nothing that can be read`, stdout);
    }
    const [{ status, reason } = {}] = results;
    if (results.length !== 1 || status !== "Failure" || !because.test(reason ?? "")) {
      fail(`${test} must fail without ${rule}, for ${because}: ${results.length} results, ${status}, ${reason}`);
    }
    console.log(`${test} misses ${rule}: ${reason}`);
  }
}

const given = process.argv.slice(2);
writeCopy();
if (given.length === 0) {
  const complaints = check({ package_, house, rules });
  if (complaints.length) fail(...complaints);
  forge("test");
  runMissed();
  console.log(`attacks: ${rules.length} rules, each broken in ${relative(house, copy)}, and each missed`);
} else if (given[0] !== "--copy") {
  forge("test", ...given);
}
