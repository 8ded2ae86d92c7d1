"""`wrap`: a suite without a server, made clean."""

import os
import signal

import pytest

from noisy import friendly, harsh
from noisy.expected import expected
import support
from support import encode, proxy, python, says
from test_attribution import assert_output, assert_output_precedes_the_end


def wrap(*command, **options):
    return proxy("wrap", "--", *command, **options)


@pytest.fixture
def printing(tmp_path):
    """Makes a command that writes these bytes to stdout, each piece with one write."""

    def make(*pieces):
        script = tmp_path / f"script-{len(list(tmp_path.iterdir()))}.py"
        script.write_text(f"import os\nfor piece in {pieces!r}: os.write(1, piece)")
        return [support.PYTHON, str(script)]

    return make


@pytest.fixture
def file_with(tmp_path):
    """The path of a file with these bytes."""

    def make(data):
        (tmp_path / "data").write_bytes(data)
        return str(tmp_path / "data")

    return make


START = encode(test_id="a.test", test_status="inprogress")
PASS = encode(test_id="a.test", test_status="success")


@pytest.mark.parametrize("suite", [friendly, harsh], ids=lambda suite: suite.__name__)
def test_noise_of_a_suite_without_a_server_is_attached_to_its_test(suite):
    # A packet in the stream is a packet: without a server nobody can tell it from a true one. And
    # subunit.run finds tests by the names of their methods only.
    cases = [case for case in suite.CASES if case.__name__ not in ("Forges", "Names")]
    table = expected(*cases)
    names = [f"{case.__module__}.{case.__qualname__}" for case in cases]
    ended = wrap(*python("-m", "subunit.run", *names))
    stream = ended.stream
    stream.assert_clean()
    assert stream.statuses == {test_id: each.status for test_id, each in table.items()}
    for test_id, each in table.items():
        if not each.late:
            assert_output(stream, test_id, "stdout", each.stdout)
    assert_output_precedes_the_end(stream)
    # (subunit.run closes stdout before C's buffers are emptied: what is late gets nowhere.)
    assert stream.output(None, "stdout") == b""
    # The command's own stderr is not in the stream: it passes through.
    written = b"".join(each.stderr for each in table.values())
    assert len(written) == 0 or ended.stderr


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_is_the_commands(status):
    assert wrap("sh", "-c", f"exit {status}").status == status


@pytest.mark.parametrize("name, number", [("TERM", 15), ("KILL", 9), ("ABRT", 6)])
def test_the_exit_status_tells_the_commands_signal(name, number):
    assert wrap("sh", "-c", f"ulimit -c 0; kill -{name} $$").status == 128 + number


def test_a_test_in_progress_at_the_end_is_a_failure_that_says_why(printing):
    ended = wrap(*printing(START, b"last words\n"))
    stream = ended.stream
    stream.assert_clean()
    assert stream.statuses == {"a.test": "fail"}
    assert stream.output("a.test", "stdout") == b"last words\n"
    details = b"".join(
        data for (test_id, name), data in stream.files.items()
        if test_id == "a.test" and not name.startswith("stdout")
    )
    says(details.decode(), ("exit", "ended"), ("0", "status", "before"))


def test_a_test_in_progress_at_a_signal_is_a_failure_that_names_it(file_with):
    ended = wrap("sh", "-c", "cat \"$0\"; kill -KILL $$", file_with(START))
    assert ended.status == 128 + 9
    assert ended.stream.statuses == {"a.test": "fail"}
    says(ended.stream.details("a.test"), ("SIGKILL", "signal 9"))


def test_packets_pass_byte_for_byte(printing):
    packets = encode(test_id="ü", test_status="skip", test_tags={"x"}) + START + PASS
    assert wrap(*printing(packets)).stdout == packets


@pytest.mark.parametrize(
    "noise",
    [
        b"\xc3",
        b"\xe2\x82",
        b"\xb3",
        b"\xb3\x00\x00\x00\x00\x00",
        b"\xb3\x29\x00\xbf\xff\xff",
        b"\xb3\x29\x00\xbf\xff\xff" * 20_000,
        PASS[:-1],
        PASS[:-1] + b"\x00",
        START[:1] + START[:10],
        b"no newline",
        bytes(range(256)),
    ],
    ids=lambda noise: repr(noise[:8]),
)
def test_noise_right_before_a_packet_costs_neither(noise, printing):
    ended = wrap(*printing(START, noise + PASS))
    stream = ended.stream
    stream.assert_clean()
    assert stream.statuses == {"a.test": "success"}
    assert stream.output("a.test", "stdout") == noise


@pytest.mark.parametrize("at", range(1, len(PASS)))
def test_a_packet_cut_at_the_end_is_noise(at, printing):
    ended = wrap(*printing(START + PASS + PASS[:at]))
    stream = ended.stream
    assert stream.noise == b"" and stream.parser_errors == []
    assert stream.statuses == {"a.test": "success"}
    assert stream.output(None, "stdout") == PASS[:at]


def test_one_byte_at_a_time_gives_the_same(printing):
    data = b"banner \xc3" + START + b"x" + PASS + b"\xb3"
    whole = wrap(*printing(data)).stream
    torn = wrap(*printing(*(bytes([byte]) for byte in data))).stream
    assert torn.statuses == whole.statuses == {"a.test": "success"}
    for test_id in ("a.test", None):
        assert torn.output(test_id, "stdout") == whole.output(test_id, "stdout") != b""


def test_noise_alone_is_attached_to_no_test():
    ended = wrap("echo", "not a test in sight")
    stream = ended.stream
    stream.assert_clean()
    assert ended.status == 0
    assert stream.output(None, "stdout") == b"not a test in sight\n"
    assert stream.statuses == {}


def test_a_false_start_does_not_hold_up_what_follows(processes):
    """It claims 4 MiB to come; the packet behind it is seen while the command still runs."""
    code = (
        f"import os, sys; os.write(1, {START!r} + b'\\xb3\\x29\\x00\\xbf\\xff\\xff' + {PASS!r})\n"
        "sys.stdin.read()"
    )
    process = support.start(["wrap", "--", support.PYTHON, "-c", code])
    processes.append(process)
    support.read_until(process, PASS)
    ended = support.finish(process)
    assert ended.status == 0


def test_stdin_and_stderr_are_the_commands():
    ended = wrap("sh", "-c", "cat >&2", stdin=b"from stdin\n")
    assert ended.stderr == "from stdin\n"


def test_a_command_that_does_not_exist_is_an_error():
    ended = wrap("/no/such/command")
    assert ended.status == 127
    says(ended.stderr, "/no/such/command", "no such file")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_its_test_fails(processes, number):
    code = f"import os, signal; os.write(1, {START!r})\nwhile True: signal.pause()"
    process = support.start(["wrap", "--", support.PYTHON, "-c", code], process_group=0)
    processes.append(process)
    assert os.read(process.stdout.fileno(), len(START)) == START
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # ^C: a terminal sends it to all
    else:
        process.send_signal(number)
    ended = support.finish(process)
    assert ended.status in (128 + number, 128 + signal.SIGTERM)
    assert support.Stream(START + ended.stdout).statuses == {"a.test": "fail"}


def test_the_reader_gone_ends_the_command(processes):
    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    process = support.start(["wrap", "--", support.PYTHON, "-c", code])
    processes.append(process)
    os.read(process.stdout.fileno(), 1)
    process.stdout.close()
    assert process.wait(support.LIMIT) != 0


def test_a_grandchild_that_holds_stdout_does_not_hold_up_the_end(tmp_path, file_with):
    gate = tmp_path / "gate"
    holder = f"setsid sh -c 'until [ -e {gate} ]; do sleep 0.05; done' 2>&- &"
    try:
        ended = wrap("sh", "-c", holder + " cat \"$0\"", file_with(START + PASS))
        assert ended.status == 0
        assert ended.stream.statuses == {"a.test": "success"}
    finally:
        gate.touch()


def test_a_flood_is_bounded_in_memory_while_nobody_reads(processes):
    code = "import os\nfor _ in range(1536): os.write(1, b'x' * 65536)"
    process = support.start(["wrap", "--", support.PYTHON, "-c", code])
    processes.append(process)
    os.read(process.stdout.fileno(), 1)
    writer = support.find_process(f"{support.PYTHON} -c import os")
    support.wait_until(lambda: support.is_blocked(writer), "the command's writes block")
    bound = 256 if support.is_sanitized() else 16
    assert support.peak_memory(process.pid) < bound << 20
    ended = support.finish(process)
    assert ended.status == 0
