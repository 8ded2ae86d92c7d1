"""The static program for test machines, as scripts/release builds it."""

import os
from pathlib import Path
import subprocess

ROOT = Path(__file__).resolve().parents[2]
MACHINE = os.uname().machine


def release(directory):
    """Its path: lib/subunit-proxy/serve-MACHINE in this folder."""
    subprocess.run([ROOT / "scripts/release", "--serve-only", "--arch", MACHINE, directory], check=True)
    return Path(directory) / "lib/subunit-proxy" / f"serve-{MACHINE}"
