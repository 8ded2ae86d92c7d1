"""Makes the package importable, here and in the servers that the tests start."""

import os
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

sys.path.insert(0, str(SCRIPTS))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")])
)
os.environ.pop("PYTHONUNBUFFERED", None)  # it would hide a flush that is missing

from server_process import proxied, server, start  # noqa: E402,F401  (fixtures)
