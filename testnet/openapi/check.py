#!/usr/bin/env python3
"""A running operator against its own description: Schemathesis makes requests of /openapi.json, right ones and wrong ones, and
looks whether every answer is one that the description allows. A server error, an undescribed status, a document of another
shape or a wrong request that is taken fails.

    python3 testnet/openapi/check.py http://127.0.0.1:27401   an operator that has decided some blocks
    python3 testnet/openapi/check.py --install                only install

Schemathesis and all it needs are pinned by version and hash in requirements.txt and live in an environment of their own below
target/.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS_MAX = 600
# Below what an operator allows a client (http.rate_limit).
RATE = "45/s"
COMMON = ["--checks", "all", "--rate-limit", RATE, "--seed", "1", "--continue-on-failure", "--request-timeout", "30", "--warnings", "off"]
# No schema says which checksum, cursor or payment is right, so a request of the right shape may be refused; and there is
# nothing to log in to.
EXCLUDED = "positive_data_acceptance,ignored_auth"

sys.path.insert(0, str(ROOT / ".ci"))
from environment import environment  # noqa: E402


def ask(operator, path):
    with urllib.request.urlopen(operator + path, timeout=30) as answer:
        return json.load(answer)


def names(operator):
    """What this operator has something to tell of, by the names of the parameters."""
    block = next(block for block in ask(operator, "/v1/blocks")["items"] if block["transaction_count"] > 0)
    transaction = ask(operator, f"/v1/blocks/{block['height']}/transactions")["items"][0]
    output = f"{block['height']}:0:0"
    owner = ask(operator, f"/v1/outputs/{output}")["owner"]
    credited = [one["deposit"] for one in ask(operator, f"/v1/addresses/{owner}/transactions?direction=deposit")["items"]]
    return {
        "path.block": str(block["height"]),
        "path.id": transaction["id"],
        "path.position": output,
        "path.address": owner,
        "query.ids": output,
        "query.q": owner,
        "path.number": str(credited[-1]),
    }


def run(schemathesis, operator, *flags):
    command = [schemathesis, *flags[:1], "run", f"{operator}/openapi.json", *COMMON, *flags[1:]]
    return subprocess.run(command, timeout=SECONDS_MAX, check=False).returncode == 0


def main():
    python = environment("openapi", HERE / "requirements.txt")
    if sys.argv[1:] == ["--install"]:
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    operator = sys.argv[1].rstrip("/")
    schemathesis = str(python.parent / "schemathesis")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        known = pathlib.Path("known.toml")
        known.write_text("[parameters]\n" + "".join(f'"{name}" = {json.dumps(value)}\n' for name, value in names(operator).items()))
        anything = pathlib.Path("anything.toml")
        # 413 is as good a refusal as 400.
        anything.write_text('[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]\n')
        # Names of things that are there, so that documents come back; then whatever can be made up.
        found = run(schemathesis, operator, f"--config-file={known}", "--mode", "positive", "--phases", "examples,coverage",
                    "--exclude-checks", EXCLUDED)
        broken = run(schemathesis, operator, f"--config-file={anything}", "--phases", "examples,coverage,fuzzing",
                     "--max-examples", "30", "--exclude-checks", EXCLUDED)
    sys.exit(0 if found and broken else 1)


if __name__ == "__main__":
    main()
