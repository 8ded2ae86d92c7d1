"""Fixtures of every scope, which say on stdout when they begin and end."""

import pytest


def _fixture(scope):
    @pytest.fixture(scope=scope, name=scope)
    def fixture(request):
        print(f"{scope} begins")
        yield
        print(f"{scope} ends")

    return fixture


session, package, module, function = map(_fixture, ("session", "package", "module", "function"))
in_class = _fixture("class")
