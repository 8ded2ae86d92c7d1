"""`python3 -m subunit_rpc`: see --help."""

import sys

from .server.cli import main

if __name__ == "__main__":
    sys.exit(main())
