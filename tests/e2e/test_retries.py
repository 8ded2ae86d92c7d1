"""`run --max-fail`, `--retries`, `--shuffle`, `--partition` and `--failed`, on real servers."""

import re
import shlex
import subprocess

import pytest

import support
from small_suite import SmallSuite, all_busy, by_worker
from support import client, proxy, says


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path)


def fails_times(directory, times):
    """The code of a test that fails in its first `times` attempts."""
    return f"""
        import glob
        print("attempt in process", os.getpid())
        before = len(glob.glob({str(directory)!r} + "/attempt-*"))
        open({str(directory)!r} + f"/attempt-{{before}}", "w").close()
        self.assertGreaterEqual(before, {times})
    """


NEW_PROCESS = """
    used = os.environ.get("USED_PROCESS")
    os.environ["USED_PROCESS"] = str(os.getpid())
    self.assertIsNone(used)
"""
FAILS = "self.fail('always')"


def tags_of(stream, test_id):
    (event,) = [event for event in stream.events
                if event["test_id"] == test_id and event["test_status"] in support.FINAL]
    return set(event["test_tags"] or ())


# --max-fail


@pytest.mark.parametrize("options", [["-x"], ["--max-fail", "1"]], ids=["x", "max-fail"])
def test_after_a_failure_no_test_begins(suite, options):
    suite.write(FAILS, *["pass"] * 9)  # the first one: nothing is known of the channel's speed
    ended = suite.run(*options)
    assert ended.status == 1
    stream = ended.stream
    stream.assert_clean()
    assert stream.statuses == {
        suite.id(0): "fail", **dict.fromkeys(suite.ids(*range(1, 10)), "skip"),
    }
    assert tags_of(stream, suite.id(5)) >= {"not-run"}
    says(stream.details(suite.id(5)), "not run: 1 test has failed (--max-fail 1)")
    began = {event["test_id"] for event in stream.events if event["test_status"] == "inprogress"}
    assert began == {suite.id(0)}


def test_what_runs_elsewhere_when_enough_have_failed_is_not_cut_off(suite, tmp_path):
    gate = tmp_path / "gate"
    busy = all_busy(tmp_path, 2)
    suite.write(
        f"{busy}\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)",
        f"{busy}\nself.fail('it')",
        *["pass"] * 20,
    )
    ended = support.client_until(
        "no other test begins", gate, "--format", "subunit", "-x", channel=suite.channel(2)
    )
    assert ended.status == 1
    assert ended.stream.statuses == {
        suite.id(0): "success", suite.id(1): "fail", **dict.fromkeys(suite.ids(*range(2, 22)), "skip"),
    }


def test_a_summary_says_what_was_not_run(suite):
    suite.write(FAILS, "pass", "pass")
    ended = client("--format", "human", "-x", channel=suite.channel())
    assert ended.status == 1
    says(ended.text, "1 test: 0 passed, 1 failed, 0 skipped, 2 not run in")


# --retries


def test_a_test_that_passes_at_last_is_flaky(suite, tmp_path):
    suite.write(fails_times(tmp_path, 2), "pass", FAILS)
    ended = suite.run("--retries", "2", "--match", "0[01]$", workers=2)
    assert ended.status == 0
    stream = ended.stream
    stream.assert_clean()
    assert stream.statuses == dict.fromkeys(suite.ids(0, 1), "success")
    assert tags_of(stream, suite.id(0)) >= {"flaky"}
    assert "flaky" not in tags_of(stream, suite.id(1))
    names = {name for each, name in stream.files if each == suite.id(0)}
    assert {"stdout", "traceback", "attempt-2/stdout", "attempt-2/traceback", "attempt-3/stdout",
            "attempts"} <= names
    processes = re.findall(r"attempt in process (\d+)", stream.details(suite.id(0)))
    assert len(processes) == len(set(processes)) == 3
    story = stream.files[suite.id(0), "attempts"].decode()
    assert re.fullmatch(
        r"attempt 1: failed on worker-(\d)\nattempt 2: failed on worker-(?!\1)\d.*\n"
        r"attempt 3: passed on worker-\d, in a new server\n"
        r"It passed only in a server that had run nothing before.\n", story), story


def test_flaky_tests_can_fail_the_run(suite, tmp_path):
    suite.write(fails_times(tmp_path, 1))
    assert suite.run("--retries", "1", "--flaky", "fail").status == 1


def test_what_fails_each_time_has_failed(suite):
    suite.write(FAILS, "os.kill(os.getpid(), 9)", "pass")
    ended = suite.run("--retries", "1")
    assert ended.status == 1
    assert ended.stream.statuses == {
        suite.id(0): "fail", suite.id(1): "fail", suite.id(2): "success"}
    assert tags_of(ended.stream, suite.id(1)) >= {"crashed"}
    says(ended.stream.details(suite.id(1)), "attempt 1: crashed on worker-0",
         "attempt 2: crashed on worker-0, in a new server", "SIGKILL")


def test_a_test_that_times_out_gets_another_attempt(suite, tmp_path):
    marker = tmp_path / "marker"
    suite.write(f"""
        if not os.path.exists({str(marker)!r}):
            open({str(marker)!r}, "w").close()
            time.sleep(1000)
    """)
    ended = suite.run("--retries", "1", "--test-timeout", "1")
    assert ended.status == 0
    says(ended.stream.details(suite.id(0)), "attempt 1: timed out on worker-0", "timed out after 1 s")


@pytest.mark.parametrize("options", [[], ["--isolated"]], ids=["plain", "isolated"])
def test_it_is_told_that_a_test_passes_only_in_a_new_server(suite, options):
    suite.write(NEW_PROCESS, NEW_PROCESS)
    ended = suite.run("--retries", "1", *options)
    assert ended.status == 0
    flaky = [each for each in suite.ids(0, 1) if "flaky" in tags_of(ended.stream, each)]
    assert flaky == ([] if options else [suite.id(1)])


def test_a_server_that_somebody_else_started_runs_it_itself(suite, tmp_path, processes):
    suite.write(fails_times(tmp_path, 2))
    command = [*suite.command[:-1], "--listen", "0", suite.command[-1]]
    server = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    processes.append(server)
    (address,) = re.findall(r"listening on (\S+)", server.stderr.readline())
    ended = client("--format", "subunit", "--retries", "2",
                   channel=[support.SERVE_BINARY, "serve", "--connect", address])
    assert ended.status == 0, ended.stderr
    says(ended.stream.details(suite.id(0)),
         "attempt 2: failed on worker-0\nattempt 3: passed on worker-0\n")


def test_over_ssh_an_attempt_is_made_through_the_other_channel(suite, tmp_path, sshd):
    suite.write(*["pass"] * 10, fails_times(tmp_path, 1))
    channel = shlex.join(sshd.command(*suite.channel()))
    ended = proxy("run", "--format", "subunit", "--retries", "1", "--channel", channel,
                  "--channel", channel)
    assert ended.status == 0, ended.stderr
    says(ended.stream.details(suite.id(10)),
         ("It passed only on another server.", "It passed only in a server that had run nothing"))


# Which, and in which order


def test_the_same_seed_gives_the_same_order(suite):
    suite.write(*["pass"] * 30)
    first = suite.run("--shuffle")
    (seed,) = re.findall(r"--shuffle (\d+)$", first.stderr.strip())
    again = suite.run("--shuffle", seed)
    assert by_worker(again.stream) == by_worker(first.stream)
    orders = {tuple(suite.run(f"--shuffle={other}").stream.ids) for other in (1, 2)}
    assert len(orders) == 2
    assert sorted(orders.pop()) == suite.ids(*range(30))


@pytest.mark.parametrize("kind", ["slice", "hash"])
def test_parts_have_each_test_once(suite, kind):
    suite.write(*["pass"] * 30)
    parts = [suite.run("--partition", f"{kind}:{part}/3").stream.ids for part in (1, 2, 3)]
    assert all(parts)
    assert sorted(sum(parts, [])) == suite.ids(*range(30))
    listed = client("--list", "--format", "ids", "--partition", f"{kind}:2/3", channel=suite.channel())
    assert listed.text.split() == parts[1]


def test_what_failed_or_was_not_run_last_time(suite, tmp_path):
    history = ["--history", tmp_path / "history"]
    suite.write("pass", FAILS, "pass", "pass")
    new = suite.run("--failed", *history)
    assert new.status == 2
    says(new.stderr, "selected by --failed, and the history has no tests yet: nothing to run")
    assert suite.run("-x", *history).status == 1
    suite.write("pass", "pass", "pass", FAILS)
    again = suite.run("--failed", *history)
    assert again.stream.statuses == {
        suite.id(1): "success", suite.id(2): "success", suite.id(3): "fail"}
    suite.write("pass", "pass", "pass", "pass")
    assert suite.run("--failed", *history).stream.statuses == {suite.id(3): "success"}
    none = suite.run("--failed", *history)
    assert none.status == 2
    says(none.stderr, "none of the 4 tests is selected by --failed: nothing to run")
    assert suite.run("--failed", "--allow-empty", *history).status == 0


# Bad usage


@pytest.mark.parametrize("options, keywords", [
    (["--partition", "half"], ["--partition", '"half"', "slice:K/N or hash:K/N"]),
    (["--partition", "slice:3/2"], ["slice:3/2"]),
    (["--partition", "hash:0/2"], ["hash:0/2"]),
    (["--failed"], ["--failed needs --history"]),
    (["-x", "--max-fail", "2"], ["-x cannot be used with --max-fail"]),
    (["--max-fail", "0"], ["--max-fail", "from 1 to"]),
    (["--retries", "many"], ["--retries", '"many"']),
    (["--shuffle=now"], ["--shuffle", '"now"', "whole number"]),
    (["--flaky", "maybe"], ["--flaky", "pass, fail"]),
], ids=lambda value: " ".join(value) if value and value[0].startswith("-") else "")
def test_what_cannot_be_is_told(options, keywords):
    ended = proxy("run", *options, "--", "true")
    assert ended.status == 2
    says(ended.stderr, *keywords)
