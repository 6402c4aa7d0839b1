#!/usr/bin/env python3
"""Static analysis of the contracts with Slither: every finding is answered, and every answer still has its finding.

    python3 contracts-abi/static/check.py            install what is missing, analyse, compare
    python3 contracts-abi/static/check.py --install  only install
    python3 contracts-abi/static/check.py --all      also print the findings that are answered

answers.json names the findings that are known: per answer the checks of Slither, and how many findings each has in
which place. Why they are no weakness stands under the answer's name in docs/static-analysis.md. Slither and all it
needs are pinned by version and hash in requirements.txt and live in an environment of their own below target/; once
they are there, nothing needs a network. The compiler is the one that ships the contracts (../solc).
"""

import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CONTRACTS_ABI = HERE.parent
ROOT = CONTRACTS_ABI.parent
REQUIREMENTS = HERE / "requirements.txt"
DOCUMENT = ROOT / "docs" / "static-analysis.md"
# Slower than any machine that builds the contracts; a compiler that hangs must not hide the rest.
COMPILE_SECONDS = 300

sys.path.insert(0, str(ROOT / ".ci"))
from environment import environment  # noqa: E402


def compiled():
    """The syntax trees of all contracts, as Slither wants them. It analyses sources; code is not generated."""
    from crytic_compile import CryticCompile
    from crytic_compile.compilation_unit import CompilationUnit
    from crytic_compile.compiler.compiler import CompilerVersion
    from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output

    files = sorted(pathlib.Path("contracts").rglob("*.sol"))
    description = {
        "language": "Solidity",
        "sources": {path.as_posix(): {"content": path.read_text()} for path in files},
        "settings": {"evmVersion": "prague", "outputSelection": {"*": {"*": ["abi"], "": ["ast"]}}},
    }

    class Wrapped(SolcStandardJson):
        def compile(self, crytic_compile, **_):
            compiler = [str(CONTRACTS_ABI / "solc")]
            told = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=True)
            version = re.search(r"Version: (\d+\.\d+\.\d+)", told.stdout).group(1)
            ran = subprocess.run(
                [*compiler, "--standard-json"],
                input=json.dumps(description),
                capture_output=True,
                text=True,
                check=True,
                timeout=COMPILE_SECONDS,
            )
            output = json.loads(ran.stdout)
            errors = [one["formattedMessage"] for one in output.get("errors", []) if one["severity"] == "error"]
            if errors:
                sys.exit("\n".join(errors))
            nothing = {"object": "", "sourceMap": ""}
            for contracts in output["contracts"].values():
                for contract in contracts.values():
                    contract["evm"] = {"bytecode": nothing, "deployedBytecode": nothing}
            unit = CompilationUnit(crytic_compile, "contracts")
            unit.compiler_version = CompilerVersion(compiler="solc", version=version, optimized=False)
            parse_standard_json_output(output, unit)

    return CryticCompile(Wrapped(description))


def findings():
    """What every detector of Slither finds: the check, its place, and what it says."""
    from slither import Slither
    from slither.detectors import all_detectors
    from slither.detectors.abstract_detector import AbstractDetector

    slither = Slither(compiled())
    for detector in vars(all_detectors).values():
        if isinstance(detector, type) and issubclass(detector, AbstractDetector) and detector is not AbstractDetector:
            slither.register_detector(detector)
    found = [one for results in slither.run_detectors() for one in results]
    return [(one["check"], place(one), one["impact"], one["description"].strip()) for one in found]


def place(finding):
    """`Contract.function`, `Contract` or a name of a file: what a line number would say until the next edit."""
    names, element = [], finding["elements"][0] if finding["elements"] else None
    while element:
        if element["type"] in ("function", "contract", "struct", "enum", "event"):
            names.insert(0, element["name"])
        if element["type"] == "variable" and not names:
            names.insert(0, element["name"])
        element = element.get("type_specific_fields", {}).get("parent")
    return ".".join(names) or "contracts"


def compare(found, is_verbose):
    """The complaints: findings without an answer, answers without their finding, answers that are not explained."""
    counts = {}
    for check, where, _, _ in found:
        counts[check, where] = counts.get((check, where), 0) + 1
    answered, complaints, names = {}, [], []
    for answer in json.loads((HERE / "answers.json").read_text()):
        names.append(answer["answer"])
        for check, places in answer["places"].items():
            for where, count in places.items():
                if (check, where) in answered:
                    complaints.append(f"two answers to {check} in {where}")
                answered[check, where] = count
    for (check, where), count in sorted(counts.items()):
        if answered.get((check, where), 0) != count:
            complaints.append(f"{check} in {where}: {count} found, {answered.get((check, where), 0)} answered")
            complaints += [f"  [{impact}] {says}" for c, w, impact, says in found if (c, w) == (check, where)]
        elif is_verbose:
            print(f"answered: {check} in {where}, {count}")
    for check, where in sorted(answered.keys() - counts.keys()):
        complaints.append(f"stale answer: {check} in {where} is not found any more")
    explained = re.findall(r"^### (\S+)$", DOCUMENT.read_text(), re.MULTILINE)
    complaints += [f"answer {name} is not explained in {DOCUMENT.name}" for name in names if name not in explained]
    complaints += [f"{DOCUMENT.name} explains {name}, which answers nothing" for name in explained if name not in names]
    complaints += [f"answer {name} stands twice" for name in set(names) if names.count(name) > 1]
    return complaints


def main():
    if pathlib.Path(sys.prefix).resolve() != (ROOT / "target" / "static").resolve():
        python = environment("static", REQUIREMENTS)
        if "--install" in sys.argv:
            return
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    os.chdir(CONTRACTS_ABI)
    found = findings()
    complaints = compare(found, "--all" in sys.argv)
    print("\n".join(complaints) if complaints else f"static analysis: {len(found)} findings, all answered")
    # No finding at all means that nothing was analysed: there is assembly in these contracts.
    sys.exit(1 if complaints or not found else 0)


if __name__ == "__main__":
    main()
