"""A plugin for pytest, `-p outcomes`: writes what became of each test to the file that OUTCOMES names,
as JSON: {node id: [status, reason]}, in the words of subunit."""

import json
import os

ORDER = ("success", "skip", "xfail", "uxsuccess", "fail")
outcomes = {}


def note(report, status, reason=""):
    known = outcomes.get(report.nodeid)
    if known is None or ORDER.index(status) > ORDER.index(known[0]):
        outcomes[report.nodeid] = [status, reason]


def skip_reason(report):
    return report.longrepr[2].removeprefix("Skipped: ")


def pytest_runtest_logreport(report):
    expected = getattr(report, "wasxfail", None)
    reason = "" if expected is None else expected.removeprefix("reason: ")
    if report.failed:
        note(report, "fail")
    elif report.skipped and expected is None:
        note(report, "skip", skip_reason(report))
    elif report.skipped:
        note(report, "xfail", reason)
    elif expected is not None:
        note(report, "uxsuccess", reason)
    elif report.when == "call":
        note(report, "success")


def pytest_collectreport(report):
    if report.failed:
        note(report, "fail")
    elif report.skipped:
        note(report, "skip", skip_reason(report))


def pytest_unconfigure():
    with open(os.environ["OUTCOMES"], "w") as file:
        json.dump(outcomes, file)
