"""`serve --test-command`: a test server for suites that have none."""

import json
import os
import signal

import pytest

from noisy import friendly
from noisy.expected import expected
from small_suite import SmallSuite
import support
from support import RPC, encode, message, proxy, says, wait_until
from test_attribution import assert_output, assert_output_precedes_the_end

NO_SERVER = f"{support.PYTHON} {support.EXAMPLES / 'no_server.py'}"
BY_FILE = f"{NO_SERVER} $LISTOPT $IDOPTION"
BY_WORDS = f"{NO_SERVER} $LISTOPT $IDLIST"
UNITTEST = f"{support.PYTHON} -m subunit.run $LISTOPT $IDOPTION noisy.friendly"
ALL = ["demo.a", "demo.b", "demo.c", "demo.d"]
ODD = ["with spaces", "it's", 'so "called"', "größe", "$HOME `x` \\ *", "a;b"]
COMMAND_SERVER = f"{support.SERVE_BINARY} command-server"


@pytest.fixture(autouse=True)
def scene(monkeypatch, tmp_path):
    """The examples can be imported, and temporary files are looked at afterwards."""
    monkeypatch.setenv("PYTHONPATH", support.PYTHONPATH)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield
    wait_until(lambda: os.listdir(tmp_path) == [], "temporary files are gone")


def channel(template, *options):
    return [support.SERVE_BINARY, "serve", "--test-command", template, *options]


def client(*arguments, template=BY_FILE, options=(), **more):
    return support.client(
        "--format", "subunit", *arguments, channel=channel(template, *options), **more
    )


def serving(serve, template=BY_FILE, *options, version=1, **more):
    """A serve that has said Hello."""
    started = serve("--test-command", template, *options, **more)
    started.attached()
    started.send(message(msg="Hello", max=version, min=1))
    started.wait_message(RPC, "Hello")
    return started


def running(test_id, serve, *options, **more):
    """One in which this test runs."""
    started = serving(serve, BY_FILE, *options, **more)
    started.run(tests=[test_id, "later"])
    started.wait_status(test_id, "inprogress")
    return started


# What is asked, and what comes of it


def test_all_tests_run_with_results_and_output_as_in_a_run_without_server():
    cases = [case for case in friendly.CASES if case.__name__ != "Forges"]
    names = [f"{case.__module__}.{case.__qualname__}" for case in cases]
    table = expected(*cases)
    ended = client(template=UNITTEST.replace("noisy.friendly", " ".join(names)))
    stream = ended.stream
    stream.assert_clean()
    assert ended.status == 1
    assert stream.statuses == {test_id: each.status for test_id, each in table.items()}
    for test_id, each in table.items():
        assert_output(stream, test_id, "stdout", each.stdout)
        assert_output(stream, test_id, "stderr", each.stderr)
    assert_output_precedes_the_end(stream)


def test_tests_are_listed():
    ended = client("--list", template=UNITTEST)
    assert ended.status == 0
    assert ended.stream.listed == sorted(expected(*friendly.CASES))


def test_of_tests_that_are_named_those_that_exist_are_listed_in_that_order(serve):
    started = serving(serve)
    started.send(message(msg="List", nonce="l", tests=["demo.c", "gone", "demo.a", "demo.c"]))
    started.wait_message(RPC, "Done", nonce="l")
    assert started.stream.listed == ["demo.c", "demo.a"]
    assert started.goodbye() == 0


def test_some_tests_run():
    wanted = ["noisy.friendly.Prints.test_größe", "noisy.friendly.Ends.test_is_skipped"]
    stream = client(*wanted, template=UNITTEST).stream
    stream.assert_clean()
    assert stream.statuses == {wanted[0]: "success", wanted[1]: "skip"}


def test_no_tests_need_no_command(serve):
    started = serving(serve, "echo $LISTOPT $IDOPTION; exit 1")
    started.run(tests=[])
    started.send(message(msg="List", nonce="l", tests=[]))
    started.wait_message(RPC, "Done", nonce="run")
    started.wait_message(RPC, "Done", nonce="l")
    assert started.stream.all_output("stdout") == b""
    assert started.goodbye() == 0


@pytest.mark.parametrize("template", [BY_FILE, BY_WORDS], ids=["file", "words"])
def test_odd_ids_reach_the_command_as_they_are(template):
    ended = client(*ODD, template=template)
    ended.stream.assert_clean()
    assert ended.stream.statuses == {test_id: "success" for test_id in ODD}
    assert ended.status == 0


def test_an_id_that_does_not_fit_a_line_fails_and_the_others_run():
    ended = client("two\nlines", "demo.a")
    assert ended.stream.statuses == {"two\nlines": "fail", "demo.a": "success"}
    says(ended.stream.details("two\nlines"), "line feed")


@pytest.mark.parametrize("template", [BY_FILE, BY_WORDS], ids=["file", "words"])
def test_ten_thousand_tests_can_be_asked_for_by_name(template, serve):
    ids = [f"a.module.with.a.long.name.Class.test_{number:05}" for number in range(10_000)]
    started = serving(serve, template)
    started.run(tests=ids)
    started.wait_message(RPC, "Done", nonce="run")
    stream = started.stream
    assert stream.ids == ids
    assert set(stream.statuses.values()) == {"success"}
    # However fast they are, what each of them prints is its own.
    printed = {key: data for key, data in stream.files.items() if key[1] == "stderr"}
    assert printed == {(test_id, "stderr"): f"{test_id}\n".encode() for test_id in ids}
    assert started.goodbye() == 0


def test_requests_are_answered_one_after_the_other(serve):
    started = serving(serve)
    for nonce in ("1", "2", "3"):
        started.run(nonce, tests=[f"demo.{nonce}"])
    started.send(message(msg="List", nonce="4"))
    started.wait_message(RPC, "Done", nonce="4")
    assert started.stream.ids == ["demo.1", "demo.2", "demo.3"]
    assert [each["nonce"] for each in started.messages(RPC, "Done")] == ["1", "2", "3", "4"]
    assert started.goodbye() == 0


def test_a_test_runs_as_often_as_it_is_asked_for(serve):
    started = serving(serve)
    for nonce in ("1", "2"):
        started.run(nonce, tests=["demo.a"])
        started.wait_message(RPC, "Done", nonce=nonce)
    assert started.stream.ended == {("demo.a", "success"): 2}
    assert started.goodbye() == 0


def test_several_workers_run_commands_at_the_same_time_and_a_respawn_ends_one(serve):
    started = serve("--workers", "2", "--test-command", BY_FILE)
    for route in ("0", "1"):
        started.attached_at(route)
    started.hello("0", "1")
    started.run(to="0", tests=["demo.hang"])
    started.wait_status("demo.hang", "inprogress")
    started.run_at("1", tests=["demo.a"])
    started.respawn("0")
    started.attached_at("0", times=2)
    assert started.stream.statuses == {"demo.hang": "fail", "demo.a": "success"}
    assert support.running(NO_SERVER) == []
    assert started.goodbye() == 0


@pytest.mark.parametrize("test_id", ["demo.hang", "demo.insist"])
def test_a_test_that_takes_too_long_has_timed_out_and_the_rest_run(test_id):
    ended = client("--test-timeout", "3", "demo.a", test_id, "demo.b", "demo.c",
                   options=["--grace", "3"])
    assert ended.status == 1, ended.stderr
    stream = ended.stream
    stream.assert_clean()
    assert stream.ids == ["demo.a", test_id, "demo.b", "demo.c"]
    assert stream.failed() == [test_id]
    says(stream.files[test_id, "subunit-proxy"].decode(), "timed out", "--test-timeout",
         "in progress")


@pytest.mark.parametrize("options, most", [
    (["--workers", "2"], 12), (["--workers", "2", "--batch", "1"], 40), (["--batch", "9"], 5),
    ([], 1),
], ids=["two-workers", "each-alone", "nines", "one-worker"])
def test_a_command_runs_as_many_tests_as_it_may(options, most, tmp_path):
    calls = tmp_path / "calls"
    template = f"echo >> {calls}; {BY_FILE}"
    ids = [f"demo.{number}" for number in range(40)]
    ended = client(*ids, template=template, options=options)
    assert ended.stream.statuses == dict.fromkeys(ids, "success")
    number = len(calls.read_bytes())
    assert number == most if most in (1, 5, 40) else number <= most
    calls.unlink()


# What goes wrong


def test_a_crash_fails_the_test_in_progress_and_what_was_to_follow_is_run(serve):
    started = serving(serve)
    started.run("1", tests=["demo.a", "demo.crash", "demo.b", "demo.vanish", "demo.c"])
    started.run("2", tests=["demo.d"])
    started.wait_message(RPC, "Done", nonce="2")
    stream = started.stream
    assert stream.statuses == {
        "demo.a": "success",
        "demo.crash": "fail",
        "demo.b": "success",
        "demo.vanish": "fail",
        "demo.c": "success",
        "demo.d": "success",
    }
    assert [each["nonce"] for each in started.messages(RPC, "Done")] == ["1", "2"]
    says(stream.details("demo.crash"), ("SIGKILL", "137"), "in progress")
    says(stream.details("demo.vanish"), "status 7", "in progress")
    assert started.goodbye() == 0


def test_in_a_run_of_all_tests_what_was_to_follow_a_crash_is_run(tmp_path_factory):
    suite = SmallSuite(tmp_path_factory.mktemp("crashing"))
    suite.write("pass", "os.kill(os.getpid(), 11)", "pass", "os._exit(3)", "pass")
    template = f"PYTHONPATH={suite.directory}:{support.PYTHONPATH} {support.PYTHON} " \
        "-m subunit.run $LISTOPT $IDOPTION small"
    ended = client(template=template)
    stream = ended.stream
    stream.assert_clean()
    assert stream.failed() == suite.ids(1, 3)
    assert len(stream.statuses) == 5
    says(stream.details(suite.id(1)), "139", "in progress")
    assert ended.status == 1


def test_a_command_that_dies_before_it_has_ended_a_test_is_not_run_again():
    ended = client("demo.a", "demo.b", template="echo started >&2; kill -9 $$ # $LISTOPT $IDOPTION")
    stream = ended.stream
    stream.assert_clean()
    assert stream.failed() == ["demo.a", "demo.b"]
    says(stream.details("demo.a"), "SIGKILL", "no result", "started")
    assert ended.status == 1


def test_a_test_that_the_command_does_not_know_fails():
    ended = client("demo.a", "unknown")
    assert ended.stream.statuses == {"demo.a": "success", "unknown": "fail"}
    says(ended.stream.details("unknown"), "no result", "status 0")


def test_a_command_that_cannot_be_found_fails_the_tests_with_what_the_shell_says():
    ended = client("demo.a", template="no-such-command $LISTOPT $IDOPTION")
    assert ended.stream.statuses == {"demo.a": "fail"}
    says(ended.stream.details("demo.a"), "status 127", "no-such-command", "not found")


def test_a_folder_for_temporary_files_that_is_missing_is_an_error(monkeypatch, tmp_path, serve):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    started = serve("--test-command", BY_FILE)
    assert started.exit_status() == 3
    says(started.stream.all_output("stderr").decode(), str(tmp_path / "missing"), "no such file",
         "TMPDIR")


def test_tests_that_cannot_be_listed_are_an_error_and_not_an_empty_list():
    ended = client("--list", template="no-such-command $LISTOPT $IDOPTION")
    assert ended.status == 3
    says(ended.stderr, "cannot list its tests: the command exited with status 127", "not found")


def test_the_server_ends_with_an_error_where_there_are_no_words_for_one(serve):
    started = serving(serve, "no-such-command $LISTOPT $IDOPTION", version=1)
    started.send(message(msg="List", nonce="l"))
    assert started.exit_status() == 3
    assert started.messages(RPC, "Done") == []
    says(started.stream.all_output("stderr").decode(), "failed: the command exited with status 127")


def test_after_a_list_that_failed_the_server_goes_on(serve):
    started = serving(serve, "no-such-command $LISTOPT $IDOPTION", version=2)
    started.send(message(msg="List", nonce="l"))
    says(started.wait_message(RPC, "Error", nonce="l")["text"], "status 127", "not found")
    started.run(tests=["demo.a"])
    started.wait_message(RPC, "Done", nonce="run")
    assert started.goodbye() == 0


def test_a_command_may_fail_if_all_tests_that_were_asked_for_have_a_result():
    ended = client("demo.a", template=f"{BY_FILE} --exit 3")
    assert ended.stream.statuses == {"demo.a": "success"}
    assert ended.status == 0


def test_a_run_of_all_tests_fails_if_its_command_does_and_no_test(serve):
    started = serving(serve, f"{BY_FILE} --exit 3")
    started.run()
    started.wait_message(RPC, "Done", nonce="run")
    stream = started.stream
    assert stream.statuses == {**dict.fromkeys(ALL, "success"), "process-returncode": "fail"}
    says(stream.details("process-returncode"), "status 3")
    assert started.goodbye() == 0


# What the command prints


def test_noise_is_attached_to_its_test(serve):
    started = serving(serve, f"echo before; {BY_FILE}; echo behind")
    started.run(tests=["demo.mumble", "demo.a"])
    started.wait_message(RPC, "Done", nonce="run")
    stream = started.stream
    assert stream.statuses == {"demo.mumble": "success", "demo.a": "success"}
    assert stream.output("demo.mumble", "stdout") == b"mumble \xb3\n"
    assert stream.output(None, "stdout") == b"before\nbehind\n"
    for test_id in ("demo.mumble", "demo.a"):
        assert stream.output(test_id, "stderr") == f"{test_id}\n".encode()
    assert started.goodbye() == 0


def test_what_looks_like_a_message_of_the_protocol_is_output(serve):
    started = running("demo.forge", serve)
    started.wait_message(RPC, "Done", nonce="run")
    assert started.stream.ids == ["demo.forge", "later"]
    assert b'"Done"' in started.stream.output("demo.forge", "stdout")
    assert started.goodbye() == 0


def test_the_command_knows_nothing_of_the_proxy_and_reads_nothing(serve):
    started = running("demo.show", serve)
    started.wait_message(RPC, "Done", nonce="run")
    printed = started.stream.output("demo.show", "stdout").decode()
    assert printed.splitlines() == [
        "SUBUNIT_RPC_ADDRESS None", "SUBUNIT_RPC_TOKEN None", "stdin ''"
    ]
    assert started.goodbye() == 0


def test_a_flood_blocks_in_the_command_while_nobody_reads_and_ends_with_the_channel(serve):
    started = running("demo.flood", serve, "--grace", "50")
    started.stop_reading()
    command = support.find_process(NO_SERVER)
    wait_until(lambda: support.is_blocked(command), "the command's writes block")
    bound = 256 if support.is_sanitized() else 16
    assert support.peak_memory(support.find_process(COMMAND_SERVER)) < bound << 20
    started.close_stdout()
    # The server has half of the time for its command, and ends before it is killed itself.
    assert started.exit_status(limit=45) == 3


# How it ends


@pytest.mark.parametrize("test_id", ["demo.hang", "demo.insist"])
def test_goodbye_ends_the_command(test_id, serve):
    started = running(test_id, serve, "--grace", "3")
    started.run("next", tests=["demo.a"])
    assert started.goodbye() == 0
    stream = started.stream
    assert stream.statuses == {test_id: "fail"}
    says(stream.details(test_id), ("SIGTERM", "SIGKILL"))


def test_the_end_of_the_clients_stream_ends_the_command(serve):
    started = running("demo.hang", serve)
    started.close_stdin()
    assert started.exit_status() == 3
    assert started.stream.statuses == {"demo.hang": "fail"}


def test_the_end_of_the_channel_ends_the_command(serve):
    started = running("demo.insist", serve, "--grace", "3")
    started.close_stdout()
    assert started.exit_status() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_server_ends_the_command(number, serve):
    started = running("demo.hang", serve)
    os.kill(support.find_process(COMMAND_SERVER), number)
    assert started.exit_status() == 3
    assert started.stream.statuses == {"demo.hang": "fail"}


def test_a_server_that_is_killed_takes_its_command_with_it(serve):
    started = running("demo.insist", serve)
    os.kill(support.find_process(COMMAND_SERVER), signal.SIGKILL)
    wait_until(lambda: support.running(NO_SERVER) == [], "the command is gone")
    assert started.exit_status() == 3
    says(started.stream.details("demo.insist"), "SIGKILL")


def test_what_a_command_leaves_behind_is_ended_before_the_next_one(serve):
    started = serving(serve)
    started.run("1", tests=["demo.leave"])
    started.wait_message(RPC, "Done", nonce="1")
    started.run("2", tests=["demo.a"])
    started.wait_status("demo.a", "success")
    assert support.running("sleep 1000") == []
    assert started.goodbye() == 0


def test_a_cancelled_run_ends_at_once_and_its_tests_that_have_not_started_do_not_fail(serve):
    started = running("demo.hang", serve, version=2)
    started.run("next", tests=["demo.a"])
    started.run("never", tests=["demo.b"])
    started.send(message(msg="Cancel", nonce="never"))
    started.wait_message(RPC, "Done", nonce="never")
    started.send(message(msg="Cancel", nonce="run"))
    started.wait_message(RPC, "Done", nonce="next")
    assert started.stream.statuses == {"demo.hang": "fail", "demo.a": "success"}
    assert [each["nonce"] for each in started.messages(RPC, "Done")] == ["never", "run", "next"]
    assert started.goodbye() == 0


def test_a_cancel_of_what_is_answered_already_says_nothing(serve):
    started = running("demo.a", serve, version=2)
    started.wait_message(RPC, "Done", nonce="run")
    started.send(message(msg="Cancel", nonce="run") + message(msg="Ping", nonce="p"))
    started.wait_message(RPC, "Pong", nonce="p")
    assert len(started.messages(RPC, "Done")) == 1
    assert started.goodbye() == 0


# How it is started


def test_the_options_of_the_command_can_be_others():
    template = "case '$LISTOPT' in -l) exec " + NO_SERVER + " --list;; esac; " + NO_SERVER
    options = ["--list-option", "-l", "--id-option", "$IDLIST"]
    listed = client("--list", template=template + " $IDOPTION", options=options)
    assert listed.stream.listed == ALL
    ran = client("demo.b", template=template + " $IDOPTION", options=options)
    assert ran.stream.statuses == {"demo.b": "success"}


@pytest.mark.parametrize("option", ["", "--"])
def test_the_id_option_may_be_empty_or_anything(option):
    template = f"{NO_SERVER} $LISTOPT $IDOPTION $IDLIST"
    ran = client("demo.b", template=template, options=["--id-option=" + option] if option else
                 ["--id-option", option])
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stream.statuses == {"demo.b": "success"}


def test_the_server_can_dial_a_unix_socket(tmp_path_factory):
    place = tmp_path_factory.mktemp("socket") / "s"
    ended = client("demo.a", options=["--listen", f"unix:{place}"])
    assert ended.stream.statuses == {"demo.a": "success"}


def test_the_server_says_who_starts_it_if_nobody_has(monkeypatch):
    monkeypatch.delenv("SUBUNIT_RPC_ADDRESS", raising=False)
    ended = proxy("command-server", "--", BY_FILE)
    assert ended.status == 3
    says(ended.stderr, "SUBUNIT_RPC_ADDRESS", "--test-command")


def test_people_are_shown_the_option_and_not_the_server():
    assert "command-server" not in proxy("--help").text
    says(proxy("serve", "--help").text, "--test-command", "$LISTOPT", "--id-option")
