"""What a server can do wrong: each ends within its deadline, with the right exit status, the right
failed tests, an error a stranger understands, and no process left behind."""

import collections
from typing import NamedTuple, Sequence

import pytest

import support
from support import client, python, says, server, serving

ALL = [f"demo.test_{number}" for number in range(5)]


class Case(NamedTuple):
    mode: str
    status: int
    failed: Sequence[int] = ()  # numbers of the tests
    passed: Sequence[int] = range(5)
    error: Sequence[object] = ()  # what stderr says
    reason: Sequence[object] = ()  # what the first failed test says
    options: Sequence[str] = ()


NONE = ()
ENDED = ("ended", "closed", "gone", "died", "killed", "exited")
NOT_RUN = ("not run", "no result", "never")
CASES = [
    # The server dies, or goes away.
    Case("kill-in-test", 3, [2, 3, 4], [0, 1], error=["SIGKILL"],
         reason=["SIGKILL", "in progress"]),
    Case("exit-in-test", 3, [2, 3, 4], [0, 1], error=["status 9"],
         reason=["status 9", "in progress"]),
    Case("kill-between", 3, [3, 4], [0, 1, 2], error=["SIGKILL"], reason=["SIGKILL", NOT_RUN]),
    Case("kill-before-done", 3, error=["SIGKILL"]),
    Case("close-in-test", 3, [2, 3, 4], [0, 1], error=[("closed", "ended")],
         reason=[("closed", "ended"), "in progress"]),
    Case("close-before-done", 3, error=[("Done", "before", "middle", "without")]),
    Case("exit-7", 3, range(5), NONE, error=["7"], reason=[NOT_RUN]),
    # It does not do what was asked for.
    Case("drop-one", 1, [2], [0, 1, 3, 4], reason=["no result", "Done"]),
    Case("unfinished", 1, [2], [0, 1, 3, 4], reason=[("Done", "ended", "exited"), "in progress"]),
    # It breaks the protocol.
    Case("silent", 3, range(5), NONE, error=["Hello", "0.5", "--hello-timeout"],
         options=["--hello-timeout", "0.5"]),
    Case("wrong-token", 3, range(5), NONE, error=["token"], options=["--attach-timeout", "20"]),
    Case("versions", 3, range(5), NONE, error=["version", "9", "5", "1"]),
    Case("bad-hello", 3, range(5), NONE, error=["Hello", "object"]),
    Case("hello-twice", 3, range(5), NONE, error=["Hello", ("second", "again", "out of place")]),
    Case("done-twice", 3, error=["Done", "nonce"]),
    Case("unknown-nonce", 3, error=["no-such-nonce", "Done"]),
    Case("bad-json", 3, error=["JSON", '"Done"']),
    # It does not end as it should, when all results are there.
    Case("ignore-goodbye", 0, error=["warning", "Goodbye", "all results"]),
    Case("ignore-term", 0, error=["warning", "Goodbye", "all results"]),
    Case("exit-late", 0, error=["warning", "status 9", "all results"]),
    # It is odd, and that is all.
    Case("garbage", 0),
    Case("no-inprogress", 0),
    Case("orphan", 0),
]


# Behind a proxy that can start it again, a server that dies costs no more than the test in progress.
RESTARTED = {
    case.mode: case
    for case in [
        Case("kill-in-test", 1, [2], [0, 1, 3, 4], error=["SIGKILL"],
             reason=["SIGKILL", "in progress"]),
        Case("exit-in-test", 1, [2], [0, 1, 3, 4], error=["status 9"],
             reason=["status 9", "in progress"]),
        Case("kill-between", 0, error=["SIGKILL"]),
        Case("close-in-test", 1, [2], [0, 1, 3, 4], error=[("closed", "ended")],
             reason=[("closed", "ended"), "in progress"]),
    ]
}


def check(case, ended):
    assert ended.status == case.status, ended.stderr
    says(ended.stderr, *case.error)
    if case.status == 3:
        assert ended.stderr.strip()
    stream = ended.stream
    stream.assert_clean()
    statuses = stream.statuses
    for number in case.passed:
        assert statuses.get(f"demo.test_{number}") == "success", statuses
    assert stream.failed() == [f"demo.test_{number}" for number in case.failed]
    if case.reason:
        says(stream.details(f"demo.test_{case.failed[0]}"), *case.reason)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mode)
def test_behind_serve(case):
    channel = serving(*server(case.mode), options=["--grace", "3"])
    ended = client("--format", "subunit", *case.options, *ALL, channel=channel)
    check(RESTARTED.get(case.mode, case), ended)


# There is no token on a server's own stdin and stdout, and no serve to end its children, or to tell
# how it has ended.
NOT_DIRECT = {"wrong-token", "orphan", "exit-late"}


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.mode not in NOT_DIRECT], ids=lambda case: case.mode
)
def test_direct(case):
    channel = server("--stdio", case.mode)
    check(case, client("--format", "subunit", "--direct", *case.options, *ALL, channel=channel))


def test_what_a_server_said_last_is_shown_with_its_failure():
    ended = client("--format", "human", channel=serving(*server("kill-in-test")))
    assert ended.status == 1
    says(ended.text, "demo.test_2", "SIGKILL", "last words")


def test_what_a_server_said_before_it_could_attach_is_shown():
    ended = client("--format", "human", channel=serving(*server("exit-7")))
    assert ended.status == 3
    says(ended.text + ended.stderr, "no licence for this machine", "7")


@pytest.mark.parametrize("way", ["direct", "serve"])
def test_a_server_that_knows_nothing_of_the_protocol_is_recognised(way):
    """It runs its tests as soon as it is connected."""
    if way == "direct":
        ended = client(
            "--format", "subunit", "--direct", channel=python("-m", "subunit.run", "noisy.between")
        )
    else:
        ended = client("--format", "subunit", channel=serving(*server("plain-stream")))
    assert ended.status == 3
    says(ended.stderr, "before", "Hello", ("protocol", "older"))


def test_a_command_that_never_attaches_and_writes_results_to_stdout_is_recognised():
    """What `python3 -m subunit.run` in the place of `python3 -m subunit_rpc` does."""
    channel = serving(*python("-m", "subunit.run", "noisy.between"))
    ended = client("--format", "subunit", channel=channel)
    assert ended.status == 3
    says(ended.stderr, ("attach", "connect", "dial"), ENDED)


def test_tests_of_a_module_that_cannot_be_imported_fail_with_the_traceback():
    channel = serving(*python("-m", "subunit_rpc", "noisy.no_such_module", "noisy.friendly"))
    ended = client("--format", "subunit", channel=channel)
    assert ended.status == 1
    stream = ended.stream
    stream.assert_clean()
    (broken,) = [each for each in stream.failed() if "no_such_module" in each]
    says(stream.details(broken), "no_such_module", "Error")
    assert len(stream.statuses) == 11


def test_a_server_without_tests_is_no_success_in_disguise():
    """Nothing was asked for by name, and nothing is there: a person is told."""
    ended = client("--format", "human", channel=serving(*server("--count", "0", "good")))
    says(ended.text + ended.stderr, ("no tests", "0 tests", "nothing"))


@pytest.mark.parametrize("mode", ["big-stdout", "big-attachment"])
def test_a_lot_of_output_passes(mode):
    ended = client("--format", "subunit", channel=serving(*server(mode, "20")), limit=120)
    assert ended.status == 0
    name = "stdout" if mode == "big-stdout" else "core"
    size = sum(len(event["file_bytes"]) for event in ended.stream.events
               if support.is_output(event["file_name"], name))
    assert size == 20 << 20


def test_a_daemon_of_a_test_that_holds_stdout_does_not_hold_up_the_run(tmp_path):
    gate = tmp_path / "gate"
    try:
        ended = client(
            "--format", "subunit", channel=serving(*server("hold-stdout", gate))
        )
        assert ended.status == 0
        assert ended.stream.statuses == dict.fromkeys(ALL, "success")
    finally:
        gate.touch()


@pytest.mark.parametrize("mode, seen", [("hello-twice", "out of place"), ("bad-hello", "object"),
                                        ("versions", "version")])
def test_a_server_that_breaks_the_protocol_costs_the_others_nothing(mode, seen, tmp_path):
    gate = tmp_path / "gate"
    servers = support.by_worker(f"gate {gate}", {1: mode}, "--count", "200")
    ended = support.client_until(
        seen, gate, "--format", "subunit", channel=serving(*servers, options=["--workers", "3"])
    )
    ended.stream.assert_clean()
    assert collections.Counter(ended.stream.statuses.values()) == {"success": 200}
    says(ended.stderr, "warning: worker-", seen)
    assert ended.status == 0, ended.stderr
