"""Writes frames.txt from docs/protocol.md section 13 alone: one line of name and hex for every message and log record.

python3 consensus/tests/vectors/frames.py > consensus/tests/vectors/frames.txt
"""

EPOCH, VIEW, PARENT, SIGNER = 2, 9, 7, 9
BLOCK, SIGNATURE = b"\xb1" * 32, b"\x51" * 96
WIDTH = 13
SIGNERS = (0, 1, 2, 3, 4, 8, 9)


def u16(n):
    return n.to_bytes(2, "big")


def u64(n):
    return n.to_bytes(8, "big")


def bitmap(signers):
    out = bytearray(WIDTH)
    for signer in signers:
        out[signer // 8] |= 1 << signer % 8
    return bytes(out)


def said(kind, view=VIEW):
    """Epoch and what is said: the middle of votes and certificates."""
    out = u64(EPOCH) + u64(view)
    if kind == "notarize":
        out += u64(PARENT if view == VIEW else view - 1)
    if kind != "nullify":
        out += BLOCK
    return out


VOTE = {"notarize": 1, "nullify": 2, "finalize": 3}
CERTIFICATE = {"notarize": 4, "nullify": 5, "finalize": 6}


def vote(kind):
    return bytes([VOTE[kind]]) + u16(SIGNER) + said(kind) + SIGNATURE


def certificate(kind, view=VIEW):
    return bytes([CERTIFICATE[kind]]) + said(kind, view) + bitmap(SIGNERS) + SIGNATURE


def proposal():
    out = bytes([7]) + u64(EPOCH) + u64(VIEW) + u64(PARENT) + BLOCK + SIGNATURE
    out += bytes([1]) + certificate("notarize", PARENT)
    return out + bytes([1]) + certificate("nullify", 8)


def first_proposal():
    return bytes([7]) + u64(EPOCH) + u64(1) + u64(0) + BLOCK + SIGNATURE + bytes([0, 0])


def status():
    out = bytes([8]) + u64(EPOCH) + u64(5) + BLOCK + u64(VIEW) + u64(6)
    out += u64(0b0010) + u64(0b0100) + bytes([1])
    return out + u64(VIEW) + bitmap([0, 8]) + bitmap([]) + bitmap([9])


FRAMES = {
    "message notarize": vote("notarize"),
    "message nullify": vote("nullify"),
    "message finalize": vote("finalize"),
    "message notarization": certificate("notarize"),
    "message nullification": certificate("nullify"),
    "message finalization": certificate("finalize"),
    "message proposal": proposal(),
    "message first-proposal": first_proposal(),
    "message status": status(),
    "record vote": bytes([1]) + vote("finalize"),
    "record proposal": bytes([2]) + u64(EPOCH) + u64(VIEW) + u64(PARENT) + BLOCK,
    "record certificate": bytes([3]) + certificate("nullify"),
    "record floor": bytes([4]) + certificate("finalize"),
    "record amnesia": bytes([5]) + u64(EPOCH) + u64(VIEW),
    "record forgotten": bytes([6]) + u64(EPOCH) + u64(VIEW) + bytes([VOTE["finalize"]]),
}

for name, frame in FRAMES.items():
    print(name, frame.hex())
