"""`python3 -m subunit_rpc`: see --help."""

from .server.cli import main
from .server.lifeline import leave

if __name__ == "__main__":
    leave(main())
