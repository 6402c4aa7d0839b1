"""Python environments below target/: packages pinned by version and hash, so that once they are there nothing needs a network."""

import hashlib
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Slower than any machine that builds the project; a download that hangs must not hide the rest.
INSTALL_SECONDS = 900


def environment(name, requirements):
    """The Python of an environment, which is made anew when it is missing or not that of these requirements."""
    folder = ROOT / "target" / name
    python = folder / "bin" / "python"
    # Says what the environment holds: an older list or another Python means a new one.
    stamp = folder / "installed"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    stamp.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, timeout=INSTALL_SECONDS)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    # Only wheels: an install runs no code of a package, and needs no compiler.
    subprocess.run([*pip, "--only-binary", ":all:", "-r", requirements], check=True, timeout=INSTALL_SECONDS)
    stamp.write_text(wanted)
    return python
