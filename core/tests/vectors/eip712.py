"""Writes eip712.json with an independent signer (eth-account), in the flat form that both test suites read.

pip install eth-account==0.14.0 && python3 core/tests/vectors/eip712.py > core/tests/vectors/eip712.json
"""

import json

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

DOMAIN = {
    "name": "Plasma",
    "version": "1",
    "chainId": 11155111,
    "verifyingContract": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
}
TYPES = {
    "Transfer": [
        {"name": "inputs", "type": "Input[]"},
        {"name": "outputs", "type": "Output[]"},
        {"name": "asset", "type": "address"},
        {"name": "expiry", "type": "uint32"},
    ],
    "Input": [
        {"name": "block", "type": "uint32"},
        {"name": "transaction", "type": "uint32"},
        {"name": "output", "type": "uint8"},
        {"name": "amount", "type": "uint256"},
    ],
    "Output": [
        {"name": "owner", "type": "address"},
        {"name": "amount", "type": "uint256"},
    ],
}
ETH = "0x" + "00" * 20
TOKEN = "0x" + "a0" * 20
MAX = 2**256 - 1


def account(number):
    return Account.from_key(keccak(b"plasma/eip712/" + bytes([number])))


def spend(block, transaction, output, amount):
    return {"block": block, "transaction": transaction, "output": output, "amount": amount}


def pay(number, amount):
    return {"owner": account(number).address, "amount": amount}


CASES = [
    ("one to one", 1, ETH, 2**32 - 1, [spend(1, 0, 0, 10**18)], [pay(2, 10**18)]),
    ("one to two with change", 2, ETH, 500, [spend(9, 3, 1, 100)], [pay(3, 60), pay(2, 40)]),
    ("four to one, token", 3, TOKEN, 0, [spend(2, i, i, 7) for i in range(4)], [pay(1, 28)]),
    (
        "four to four, token",
        4,
        TOKEN,
        123456,
        [spend(70000 + i, 2**32 - 1 - i, 3 - i, 10**30 + i) for i in range(4)],
        [pay(i, 10**30 + i) for i in range(4)],
    ),
    ("largest fields", 5, "0x" + "ff" * 20, 2**32 - 1, [spend(2**32 - 1, 2**32 - 1, 255, MAX)], [pay(6, MAX)]),
]


def content(asset, expiry, inputs, outputs):
    """The protocol's own bytes of a transfer, without signature."""
    data = bytes([5, len(inputs), len(outputs)]) + bytes.fromhex(asset[2:]) + expiry.to_bytes(4, "big")
    for i in inputs:
        data += i["block"].to_bytes(4, "big") + i["transaction"].to_bytes(4, "big")
        data += bytes([i["output"]]) + i["amount"].to_bytes(32, "big")
    for o in outputs:
        data += bytes.fromhex(o["owner"][2:]) + o["amount"].to_bytes(32, "big")
    return data


def main():
    columns = {k: [] for k in ("name", "key", "owner", "content", "id", "digest", "bytes", "leaf")}
    separator = None
    for name, signer, asset, expiry, inputs, outputs in CASES:
        message = {"inputs": inputs, "outputs": outputs, "asset": asset, "expiry": expiry}
        signable = encode_typed_data(DOMAIN, TYPES, message)
        separator = signable.header
        signed = account(signer).sign_message(signable)
        data = content(asset, expiry, inputs, outputs)
        full = data + signed.r.to_bytes(32, "big") + signed.s.to_bytes(32, "big") + bytes([signed.v])
        row = {
            "name": name,
            "key": "0x" + account(signer).key.hex(),
            "owner": account(signer).address.lower(),
            "content": "0x" + data.hex(),
            "id": "0x" + keccak(data).hex(),
            "digest": "0x" + signed.message_hash.hex(),
            "bytes": "0x" + full.hex(),
            "leaf": "0x" + keccak(b"\0" + full).hex(),
        }
        for column, cell in row.items():
            columns[column].append(cell)
    document = {
        "chain_id": DOMAIN["chainId"],
        "contract": DOMAIN["verifyingContract"].lower(),
        "separator": "0x" + separator.hex(),
        "transfers": columns,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
