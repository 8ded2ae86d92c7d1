"""Servers and channels that die in the middle of a run: what it costs, and what it does not."""

import shlex

import pytest

from small_suite import SmallSuite, read_log
import support
from support import client, says, serving

NAP = "time.sleep(0.02)"
CRASH = """
print('about to', end=' ', flush=True)
os.write(2, b'step on a null pointer\\n')
import ctypes
ctypes.string_at(0)
"""


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path)


@pytest.fixture
def many(processes):
    """Starts a run over several channels."""

    def start(*channels, options=()):
        words = [word for each in channels for word in ("--channel", shlex.join(map(str, each)))]
        processes.append(support.start(["run", "--format", "subunit", *options, *words]))
        return processes[-1]

    return start


def checked(ended, *ids):
    """Asserts that just these tests have one end each. The stream."""
    stream = ended.stream
    stream.assert_clean()
    assert sorted(stream.statuses) == sorted(ids)
    return stream


# Servers


@pytest.mark.parametrize("workers", [1, 3])
def test_a_crash_costs_the_test_in_progress(suite, tmp_path, workers):
    suite.write(*[NAP] * 5, CRASH, *[NAP] * 15)
    log = tmp_path / "log"
    ended = suite.run("--schedule-log", log, workers=workers)
    assert ended.status == 1, ended.stderr
    stream = checked(ended, *suite.ids(*range(21)))
    assert stream.failed() == [suite.id(5)]
    why = stream.files[suite.id(5), "subunit-proxy"].decode()
    says(why, "killed by SIGSEGV", "while this test was in progress", "null pointer")
    assert stream.output(suite.id(5), "stdout") == b"about to "
    says(ended.stderr, "SIGSEGV")
    # It ran once; what waited behind it was sent again.
    assert sum(e["test_status"] == "inprogress" for e in stream.events
               if e["test_id"] == suite.id(5)) == 1
    asked = [test_id for entry in read_log(log) for test_id in entry["tests"]]
    assert asked.count(suite.id(5)) == 1


@pytest.mark.parametrize("way", [(), ("--isolated",), ("--order", "given")], ids=str)
def test_every_crash_costs_one_test(suite, way):
    suite.write(*[NAP, NAP, CRASH] * 4)
    ended = suite.run(*way, workers=2)
    assert ended.status == 1, ended.stderr
    stream = checked(ended, *suite.ids(*range(12)))
    assert stream.failed() == suite.ids(2, 5, 8, 11)


def test_the_rest_of_a_group_with_a_crash_runs_in_order(suite):
    suite.write(*[NAP] * 3, CRASH, *[NAP] * 6)
    ended = suite.run("--group", "T", workers=2)
    stream = checked(ended, *suite.ids(*range(10)))
    assert stream.failed() == [suite.id(3)]
    order = [e["test_id"] for e in stream.events if e["test_status"] == "inprogress"]
    assert order == suite.ids(*range(10))


def test_a_server_that_dies_three_times_between_tests_is_given_up(suite, tmp_path):
    gate = tmp_path / "gate"
    suite.write(*[f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)"] * 16, fixture="""
if os.environ['SUBUNIT_RPC_WORKER'] == '1': os.kill(os.getpid(), 9)
""")
    ended = support.client_until(
        "not started again", gate, "--format", "subunit", channel=suite.channel(workers=2)
    )
    stream = checked(ended, *suite.ids(*range(16)))
    assert stream.failed() == []
    says(ended.stderr, "died 3 times in a row with no test in progress", "not started again")
    assert ended.status == 0


def test_when_all_servers_are_given_up_the_run_is_not_complete(suite):
    suite.write(*["pass"] * 4, fixture="os.kill(os.getpid(), 9)")
    ended = suite.run(workers=2)
    assert ended.status == 3
    says(ended.stderr, "not started again")
    stream = checked(ended, *suite.ids(*range(4)))
    assert len(stream.failed()) == 4
    reasons = [stream.files[test_id, "subunit-proxy"].decode() for test_id in stream.ids]
    assert all("not run" in why for why in reasons)


@pytest.mark.parametrize("options, workers", [([], 1), ([], 2), (["--isolated"], 1)])
def test_each_of_many_crashes_costs_its_test_and_no_other(suite, options, workers):
    suite.write(*["os.kill(os.getpid(), 11)"] * 6, *["pass"] * 6)
    ended = suite.run(*options, workers=workers)
    assert ended.status == 1, ended.stderr
    stream = checked(ended, *suite.ids(*range(12)))
    assert stream.failed() == suite.ids(*range(6))
    for test_id in stream.failed():
        says(stream.files[test_id, "subunit-proxy"].decode(), "SIGSEGV", "in progress")


def test_a_server_that_never_starts_costs_the_run_nothing_but_a_warning(suite):
    suite.write(*[NAP] * 10)
    never = "[ $SUBUNIT_RPC_WORKER = 1 ] && exit 7; "
    command = ["sh", "-c", never + "exec " + shlex.join(suite.command)]
    ended = support.client("--format", "subunit",
                           channel=serving(*command, options=["--workers", "2"]))
    assert ended.status == 0, ended.stderr
    checked(ended, *suite.ids(*range(10)))
    says(ended.stderr, "status 7", "before it connected")


def test_why_the_only_server_is_lost_is_told_once():
    """By the client; the proxy's own stderr has it, too."""
    ended = support.client("--format", "subunit", channel=serving("/no/such/program"))
    assert ended.status == 3
    lines = [line for line in ended.stderr.splitlines() if "/no/such/program" in line]
    assert lines == ['subunit-proxy: error: cannot start "/no/such/program": No such file or directory'] * 2


def test_why_none_of_several_servers_starts_is_told_of_one(suite):
    ended = support.client("--format", "subunit", channel=serving("/no/such/program", options=["--workers", "3"]))
    assert ended.status == 3
    text = 'cannot start "/no/such/program": No such file or directory'
    lines = [line for line in ended.stderr.splitlines() if text in line and "route code" not in line]
    assert sorted(lines) == [f"subunit-proxy: error: {text}", f"subunit-proxy: warning: worker-0: {text}"]


def test_a_server_that_cannot_start_again_is_given_up(suite, tmp_path):
    suite.write(f"open({str(tmp_path / 'broken')!r}, 'w'); os.kill(os.getpid(), 9)", *[NAP] * 3)
    once = f"[ -e {tmp_path}/broken ] && exit 7; "
    command = ["sh", "-c", once + "exec " + shlex.join(suite.command)]
    ended = support.client("--format", "subunit", channel=serving(*command))
    assert ended.status == 3
    says(ended.stderr, "status 7", "died 3 times in a row", "not started again")
    assert len(checked(ended, *suite.ids(*range(4))).failed()) == 4


# Channels


@pytest.mark.parametrize(
    "bad, seen",
    [
        (["sh", "-c", "echo no such machine; exit 4"], ["no such machine", "status 4", "Ready"]),
        (["/no/such/program"], ["/no/such/program"]),
        (["sleep", "600"], ["--ready-timeout"]),
        (serving("sh", "-c", "exit 5"), ["status 5"]),
    ],
    ids=["ends", "missing", "silent", "serverless"],
)
def test_a_channel_that_does_not_come_up_costs_a_warning(suite, many, bad, seen, tmp_path):
    suite.write(*[NAP] * 10, hold(tmp_path))
    run = many(bad, suite.channel(), options=["--ready-timeout", "5"])
    said = b""
    while b"warning" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    (tmp_path / "gate").touch()
    ended = support.finish(run)
    assert ended.status == 0, ended.stderr
    checked(ended, *suite.ids(*range(11)))
    says(said.decode() + ended.stderr, "warning", *seen)


def test_beside_a_channel_that_does_not_come_up_the_verdicts_count(suite, many):
    suite.write(NAP, "self.fail('as it should')")
    ended = support.finish(many(["false"], suite.channel()))
    assert ended.status == 1, ended.stderr
    checked(ended, *suite.ids(0, 1))


def test_when_no_channel_comes_up_the_run_is_not_complete(many):
    ended = support.finish(many(["sh", "-c", "exit 4"], ["sh", "-c", "exit 5"]))
    assert ended.status == 3
    says(ended.stderr, "status 4", "status 5")
    assert ended.stream.ended == {}


def hold(tmp_path):
    """The code of a test that goes on until the file `gate` is there."""
    return f"while not os.path.exists({str(tmp_path / 'gate')!r}): time.sleep(0.01)\n"


def proxies():
    return support.running(support.SERVE_PROCESS)


def in_progress(data, count):
    return len(support.Stream(data).unfinished) >= count


def read_to(process, condition):
    """What it writes to stdout, until `condition` of it is true."""
    data = b""
    while not condition(data):
        piece = process.stdout.read1(65536)
        assert piece, process.stderr.read()
        data += piece
    return data


def test_a_channel_that_dies_costs_its_test_in_progress(suite, many, tmp_path):
    holding = hold(tmp_path)
    suite.write(holding, holding, *[NAP] * 12)
    run = many(suite.channel(), suite.channel(), options=["--order", "given"])
    data = read_to(run, lambda data: in_progress(data, 2))
    support.stop(proxies()[0])
    support.wait_until(lambda: len(proxies()) == 1, "the proxy has ended")
    data += read_to(run, lambda piece: b"subunit-proxy" in piece)  # the verdict
    (tmp_path / "gate").touch()
    ended = support.finish(run)
    ended = ended._replace(stdout=data + ended.stdout)
    assert ended.status == 1, ended.stderr
    stream = checked(ended, *suite.ids(*range(14)))
    (failed,) = stream.failed()
    says(stream.details(failed), "channel", "in progress")
    says(ended.stderr, "warning", "channel", "lost", "goes on without it")


# What the proxy has read when a test begins, it writes a moment later: with the sanitizers, on a busy
# machine, milliseconds.
MOMENT = 0.1 if support.is_sanitized() else 0
KILL_THE_PROXY = f"""
time.sleep({MOMENT})
pid = os.getppid()
while {support.SERVE_PROCESS!r} not in open(f'/proc/{{pid}}/cmdline').read().replace('\\0', ' '):
    pid = int(open(f'/proc/{{pid}}/stat').read().rsplit(')')[1].split()[1])
os.kill(pid, 9)
time.sleep(600)
"""


@pytest.mark.parametrize("line, rounds", [
    ([], 8),  # it was a matter of chance
    (["--pty"], 8),
    (["--pty", "--baud", "9600"], 2),  # results are still on their way
], ids=["pipe", "console", "slow console"])
def test_a_test_that_kills_the_proxy_does_not_take_the_results_of_others_with_it(
    suite, line, rounds
):
    suite.write("pass", "pass", "print('x' * 200)", KILL_THE_PROXY, "pass")
    for _ in range(rounds):
        ended = client("--format", "subunit", *line, channel=suite.channel())
        assert ended.status == 3
        passed = [name for name, status in ended.stream.statuses.items() if status == "success"]
        assert passed == suite.ids(0, 1, 2)
        says(ended.stream.details(suite.id(3)), "in progress")
