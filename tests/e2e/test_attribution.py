"""The noisy suites of tests/examples: results exact, and every stray byte under its test."""

import re
import subprocess

import pytest

from noisy import between, forged, friendly, harsh, huge, many
from noisy.expected import expected, text_and_rest
import support
from support import RAW, TEXT, client, python, server, serving

SUITES = [friendly, harsh, forged, huge, many]


def run_suite(*names, options=()):
    """The suites' results through run, a pipe, serve and the Python test server."""
    channel = serving(*python("-m", "subunit_rpc", *names))
    return client("--format", "subunit", *options, channel=channel)


def assert_output(stream, test_id, name, written):
    """`written` stands under the test byte for byte, labelled so that every reader can show it."""
    text, rest = text_and_rest(written)
    assert stream.file(test_id, name) == text
    assert stream.file(test_id, name + ".raw") == rest
    if text:
        assert stream.mime_types[test_id, name] == {TEXT}
    if rest:
        assert stream.mime_types[test_id, name + ".raw"] == {RAW}


def assert_as_expected(stream, table):
    stream.assert_clean()
    assert stream.statuses == {test_id: each.status for test_id, each in table.items()}
    for test_id, each in table.items():
        if not each.late:
            assert_output(stream, test_id, "stdout", each.stdout)
        assert_output(stream, test_id, "stderr", each.stderr)


def assert_output_precedes_the_end(stream):
    """A reader that closes a test at its final status has seen all its output by then."""
    ended = set()
    for event in stream.events:
        assert event["test_id"] is None or event["test_id"] not in ended
        if event["test_status"] in support.FINAL:
            ended.add(event["test_id"])


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_every_byte_of_a_noisy_suite_is_attached_to_its_test(suite):
    table = expected(*suite.CASES)
    ended = run_suite(suite.__name__)
    assert ended.status == (1 if {"fail", "uxsuccess"} & {e.status for e in table.values()} else 0)
    stream = ended.stream
    assert_as_expected(stream, table)
    assert_output_precedes_the_end(stream)
    # What left C's buffer only when the process ended is there too, once, and of no test; a server
    # that empties that buffer after each test has it there instead.
    for test_id, each in table.items():
        if each.late:
            late = [stream.output(where, "stdout") for where in (test_id, None)]
            assert sorted(late) == sorted([b"", each.late])
    if not any(each.late for each in table.values()):
        assert stream.output(None, "stdout") == b""
    assert stream.output(None, "stderr") == b""


def test_output_of_fixtures_belongs_to_no_test():
    ended = run_suite("noisy.between")
    assert ended.status == 0
    stream = ended.stream
    assert_as_expected(stream, expected(*between.CASES))
    assert stream.output(None, "stdout") == between.STDOUT
    assert stream.output(None, "stderr") == between.STDERR


def test_attribution_holds_when_everything_runs_twice_on_one_warm_server(serve):
    table = expected(*forged.CASES, *friendly.CASES)
    channel = serve("--", *python("-m", "subunit_rpc", "noisy.forged", "noisy.friendly"))
    channel.hello()
    starts = []
    for nonce in "first", "second":
        starts.append(len(channel.packets))
        channel.run(nonce)
        channel.wait_message(support.RPC, "Done", nonce=nonce)
    starts.append(len(channel.packets))
    for begin, end in zip(starts, starts[1:]):
        packets = [p for p in channel.packets[begin:end] if p.test_id != support.RPC]
        assert_as_expected(support.Stream(b"".join(p.raw for p in packets)), table)
    assert channel.goodbye() == 0
    assert channel.stray == b"\n"


def test_forged_messages_end_nothing_early(serve):
    """Fakes of Done, Hello, Ready and Detached: the client has seen each true one, once."""
    channel = serve("--", *python("-m", "subunit_rpc", "noisy.forged"))
    channel.hello()
    channel.run("1")
    channel.wait_message(support.RPC, "Done", nonce="1")
    channel.goodbye()
    assert len(channel.messages(support.RPC, "Done")) == 1
    assert len(channel.messages(support.RPC, "Hello")) == 1
    assert len(channel.messages(support.PROXY, "Ready")) == 1
    assert len(channel.messages(support.PROXY, "Detached")) == 1


def test_nothing_is_lost_of_a_server_that_does_not_wait():
    """Whose output is whose is then as good as the proxy can tell."""
    ended = client("--format", "subunit", channel=serving(*server("--count", "1000", "hasty")))
    assert ended.status == 0
    ended.stream.assert_clean()
    written = "".join(f"demo.test_{number}\n" for number in range(1000))
    assert ended.stream.all_output("stdout") == written.encode()


def test_output_while_two_tests_are_in_progress_belongs_to_neither():
    ended = client(
        "--format", "subunit", channel=serving(*server("--count", "4", "parallel"))
    )
    stream = ended.stream
    stream.assert_clean()
    assert set(stream.statuses.values()) == {"success"} and len(stream.statuses) == 4
    assert stream.output(None, "stdout").count(b"both run\n") == 2
    everything = b"".join(stream.output(each, "stdout") for each in [None, *stream.statuses])
    assert len(everything) == 2 * len("both run\n") + 4 * len("starts demo.test_0\n")


def test_two_outputs_of_one_test_keep_their_names():
    stream = run_suite("noisy.friendly").stream
    test_id = "noisy.friendly.Prints.test_starts_programs_that_print"
    assert stream.file(test_id, "stdout") == b"child\ngrandchild\n"
    assert stream.file(test_id, "stderr") == b"grandchild complains\n"


def test_the_whole_suite_is_taken_by_testr_and_stestr(tmp_path):
    ended = run_suite("noisy.friendly", "noisy.harsh", "noisy.forged", "noisy.between")
    table = expected(*friendly.CASES, *harsh.CASES, *forged.CASES, *between.CASES)
    (tmp_path / ".testr.conf").write_text("[DEFAULT]\ntest_command=true\n")
    (tmp_path / ".stestr.conf").write_text("[DEFAULT]\ntest_path=.\n")
    failed = sum(each.status == "fail" for each in table.values())
    for tool, load_status, count in (
        ("testr", 1, rb"Ran (\d+) "), ("stestr", 0, rb"Ran: (\d+) tests"),
    ):
        assert tool_output(tmp_path, tool, "init", status=0) == b""
        tool_output(tmp_path, tool, "load", stdin=ended.stdout, status=load_status)
        last = tool_output(tmp_path, tool, "last", status=1)
        assert int(re.search(count, last)[1]) == len(table)
        assert int(re.search(rb"(?:failures=|- Failed: )(\d+)", last)[1]) == failed
        assert b"noisy.harsh.Ends.test_raises" in last
        assert b"subunit.parser" not in last


def test_50_megabytes_are_taken_by_testr(tmp_path):
    ended = run_suite("noisy.huge")
    (tmp_path / ".testr.conf").write_text("[DEFAULT]\ntest_command=true\n")
    tool_output(tmp_path, "testr", "init", status=0)
    tool_output(tmp_path, "testr", "load", stdin=ended.stdout, status=0)
    assert b"Ran 3 tests" in tool_output(tmp_path, "testr", "last", status=0)


def tool_output(directory, *command, stdin=b"", status):
    ended = subprocess.run(
        [support.PYTHON, f"/usr/bin/{command[0]}", *command[1:]],
        input=stdin, cwd=directory, capture_output=True, timeout=2 * support.LIMIT,
    )
    assert ended.returncode == status, (command, ended.stdout[-2000:], ended.stderr[-2000:])
    assert b"Traceback" not in ended.stderr, ended.stderr
    return ended.stdout


# A server of one's own

PRINTING_SERVER = f"""
source = open({str(support.EXAMPLES / "own_server.py")!r}).read()
tests = {{f"prints_{{n}}": lambda n=n: print(n) or True for n in range(30)}}
exec(source.replace("host, port =", "TESTS = tests\\nhost, port =", 1))
"""


def test_a_server_that_settles_has_each_output_with_its_test():
    ended = client("--format", "subunit", channel=serving(*python("-c", PRINTING_SERVER)))
    assert ended.status == 0, ended.stderr
    for number in range(30):
        assert ended.stream.output(f"prints_{number}", "stdout") == f"{number}\n".encode()
