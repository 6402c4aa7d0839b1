// Writes TestToken.json, ABI and creation bytecode, from TestToken.sol: what the testnet deploys.
//
//   node build.mjs          compile and write
//   node build.mjs --check  compile and compare; fails when the file is not what the compiler writes
//
// The compiler is the one of the contracts, and it gets this one file: the token has no part in their build.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const compiler = join(here, "..", "..", "contracts-abi", "solc");
const input = {
  language: "Solidity",
  sources: { "TestToken.sol": { content: readFileSync(join(here, "TestToken.sol"), "utf8") } },
  settings: {
    evmVersion: "prague",
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { TestToken: ["abi", "evm.bytecode.object"] } },
  },
};

const told = spawnSync(compiler, ["--standard-json"], { input: JSON.stringify(input), encoding: "utf8" });
if (told.error || told.status !== 0) {
  console.error(`${compiler} does not run: ${told.error ?? told.stderr}; install it: node contracts-abi/build.mjs --install`);
  process.exit(1);
}
const output = JSON.parse(told.stdout);
for (const { severity, formattedMessage } of output.errors ?? []) {
  console.error(formattedMessage);
  if (severity === "error") process.exit(1);
}
const { abi, evm } = output.contracts["TestToken.sol"].TestToken;
const written = { contract: "TestToken", abi, bytecode: `0x${evm.bytecode.object}` };
const text = `${JSON.stringify(written, null, 1)}\n`;
const file = join(here, "TestToken.json");
if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  console.error("TestToken.json is stale; write it again: node testnet/token/build.mjs");
  process.exit(1);
}
