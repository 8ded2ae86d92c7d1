"""A plugin of pytest: with --subunit-rpc, pytest is a test server.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import Any, Iterator

import pytest


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("subunit-rpc", "test server")
    group.addoption(
        "--subunit-rpc",
        action="store_true",
        help="list and run the tests for a client, usually `subunit-proxy run`, as often as it "
        "asks; also takes --fork, --reload, --listen ADDR and what else `python3 -m subunit_rpc "
        "--help` tells",
    )


@pytest.hookimpl(hookwrapper=True, tryfirst=True)  # before output is captured
def pytest_load_initial_conftests(early_config: Any) -> Iterator[None]:
    if early_config.known_args_namespace.subunit_rpc:
        from .server.for_pytest.program import is_served

        if not is_served(early_config):
            from .server.cli import main
            from .server.lifeline import leave

            # This process has nothing of the tests yet, and is the front.
            leave(main(["--pytest", *early_config.invocation_params.args]))
    yield
