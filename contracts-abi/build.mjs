// Writes abi/<Contract>.json from the sources: what the Rust bindings and every deployer read.
//
//   node build.mjs            install the pinned compiler if it is missing, compile, write
//   node build.mjs --install  only install
//
// A file holds the ABI, the creation bytecode, and keccak-256 of the runtime code as compiled (immutables zero).
// tests/suite/fresh.rs compiles again and compares.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const contracts = ["Federation", "ExitGame", "InFlightExits", "Vault", "FraudProofs"];

function run(program, ...words) {
  const { status, error } = spawnSync(program, words, { cwd: here, stdio: "inherit" });
  if (error || status !== 0) {
    console.error(`${program} ${words.join(" ")} failed in ${here}${error ? `: ${error.message}` : ""}`);
    process.exit(1);
  }
}

if (!existsSync(join(here, "node_modules", ".package-lock.json"))) {
  run("npm", "ci");
}
if (!process.argv.includes("--install")) {
  run(join(here, "forge"), "build", "contracts");
  const { keccak256 } = createRequire(import.meta.url)("js-sha3");
  mkdirSync(join(here, "abi"), { recursive: true });
  for (const name of contracts) {
    const artifact = JSON.parse(readFileSync(join(here, "out", `${name}.sol`, `${name}.json`), "utf8"));
    const runtime = Buffer.from(artifact.deployedBytecode.object.slice(2), "hex");
    const written = {
      contract: name,
      abi: artifact.abi,
      bytecode: artifact.bytecode.object,
      runtimeHash: `0x${keccak256(runtime)}`,
    };
    writeFileSync(join(here, "abi", `${name}.json`), `${JSON.stringify(written, null, 1)}\n`);
  }
}
