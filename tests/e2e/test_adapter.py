"""`serve --adapter`: programs and scripts with tests that have no server."""

import signal

import pytest

import native
import support
from support import RPC, message, says, wait_until

TAP = support.EXAMPLES / "with_tap" / "disk_test"


def channel(adapter, *command, options=()):
    return [support.SERVE_BINARY, "serve", "--adapter", adapter, *options, "--", *command]


def client(adapter, *command, tests=(), options=(), **more):
    return support.client(
        "--format", "subunit", *tests, channel=channel(adapter, *command, options=options), **more
    )


def listed(adapter, *command):
    ended = support.client("--list", "--format", "subunit", channel=channel(adapter, *command))
    assert ended.status == 0, ended.stderr
    return ended.stream.listed


@pytest.fixture(autouse=True)
def scene(monkeypatch, tmp_path):
    """Temporary files are looked at afterwards."""
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "folder"))
    yield
    wait_until(lambda: list((tmp_path / "folder").iterdir()) == [], "temporary files are gone")


@pytest.fixture
def script(tmp_path):
    """Writes a shell script."""

    def write(text):
        path = tmp_path / "script"
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return str(path)

    return write


# As a server of the same program


@pytest.mark.parametrize("options", [(), ("--batch", "1"), ("--batch", "3", "--workers", "2")],
                         ids=["usual", "each-alone", "two-workers"])
@pytest.mark.parametrize("framework, chosen", [
    ("gtest", ["--gtest_filter=-Crash*"]), ("doctest", ["--test-suite-exclude=crash"]),
])
def test_a_program_has_the_outcomes_that_it_has_as_a_server(framework, chosen, options):
    name = f"{framework}_outcomes"
    as_server = native.client(name, *chosen).stream
    ended = client(framework, native.program(name), *chosen, options=options)
    ended.stream.assert_clean()
    assert ended.status == 1
    assert ended.stream.statuses == as_server.statuses
    assert len(as_server.statuses) > 15
    assert listed(framework, native.program(name), *chosen) == [
        test_id for test_id in listed(framework, native.program(name), *chosen)
        if test_id in as_server.statuses
    ]


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--batch", "1")],
                         ids=["usual", "two-workers", "each-alone"])
@pytest.mark.parametrize("framework, statuses, cause", [
    ("gtest", {"Crash.Segfaults": "fail", "Crash.Exits": "fail", "Crash.DoesNotFollow": "success"},
     "SIGSEGV"),
    ("doctest", {"crashes": "fail", "exits": "fail", "comes after a crash": "success"}, "SIGSEGV"),
    ("catch2", {"crashes": "fail", "exits": "fail", "comes after a crash": "success"}, "SIGSEGV"),
])
def test_what_ends_the_process_costs_the_test_in_progress(framework, statuses, cause, options):
    program = native.program(f"{framework}_outcomes")
    ended = client(framework, "env", "ASAN_OPTIONS=handle_segv=0", program, tests=list(statuses),
                   options=options)
    ended.stream.assert_clean()
    assert ended.stream.statuses == statuses
    crash, exits, _ = statuses
    says(ended.stream.details(crash), cause)
    says(ended.stream.details(exits), "exited with status 0 while this test was in progress")


def test_a_test_of_googletest_has_its_own_output_failures_and_reason():
    stream = client("gtest", native.program("gtest_outcomes"), "--gtest_filter=-Crash*").stream
    # GoogleTest flushes what C has printed, and C++ too where it shares C's buffer.
    assert stream.output("Plain.Passes", "stdout").endswith(b"printed by C\n")
    says(stream.file("Plain.FailsTwice", "failure").decode(),
         "gtest_outcomes.cc:", "first", "second", "in the second part")
    assert stream.file("Plain.Skips", "reason") == b"not on this board"
    says(stream.details("NotSetUp.Two"), "no database", "gtest_outcomes.cc:")
    assert stream.output("Shared.One", "stdout") == b"one\n"
    assert stream.output("Shared.Two", "stdout") == b"two\n"
    # The lines with which GoogleTest frames tests are not output.
    assert b"[ RUN" not in stream.all_output("stdout")


def test_disabled_tests_are_skipped_if_asked_for_unless_a_flag_says_otherwise():
    program = native.program("gtest_outcomes")
    disabled = ["Plain.DISABLED_IsNotRun", "DISABLED_Suite.IsNotRun"]
    assert not set(disabled) & set(listed("gtest", program))
    assert client("gtest", program, tests=disabled).stream.statuses == dict.fromkeys(disabled, "skip")
    flag = "--gtest_also_run_disabled_tests"
    assert set(disabled) <= set(listed("gtest", program, flag))
    assert client("gtest", program, flag, tests=disabled).stream.statuses == dict.fromkeys(
        disabled, "fail")


def test_without_a_network_googletest_tells_by_its_output_file():
    """Its event stream is a TCP connection; a bare board may have no loopback interface."""
    tests = {"Plain.Passes": "success", "Plain.FailsTwice": "fail", "Plain.Skips": "skip",
             "Crash.Segfaults": "fail"}
    ended = support.client(
        "--format", "subunit", *tests,
        channel=["unshare", "--net", "--map-root-user",
                 *channel("gtest", "env", "ASAN_OPTIONS=handle_segv=0",
                          native.program("gtest_outcomes"))])
    assert ended.stream.statuses == tests


def test_outcomes_are_catch2s():
    program = native.program("catch2_outcomes")
    expected = {
        "passes": "success",
        "fails, with a comma and [brackets]": "fail",
        '*stars* "quotes" \\ ~': "success",
        "#hash": "success",
        "may fail, and does": "xfail",
        "should fail, and does": "xfail",
        "should fail, and does not": "uxsuccess",
        "sections": "fail",
        "throws": "fail",
        "shows a form feed": "fail",
        "is Latin-1: \\xe9": "success",
        "may throw": "success",
        "crashes": "fail",
        "exits": "fail",
        "comes after a crash": "success",
    }
    assert listed("catch2", program) == list(expected)
    ended = client("catch2", program)
    ended.stream.assert_clean()
    assert ended.stream.statuses == expected
    stream = ended.stream
    says(stream.details("fails, with a comma and [brackets]"), "1 + 1 == 3", "2 == 3", "context",
         "catch2_outcomes.cc:")
    says(stream.details("sections"), "in right", "told")
    assert stream.file("passes", "stdout") == b"printed\n"
    says(stream.details("shows a form feed"), r'"\x0C" == "\x0B"')


def test_a_name_that_was_escaped_can_be_asked_for():
    tests = {"is Latin-1: \\xe9": "success"}
    assert client("catch2", native.program("catch2_outcomes"), tests=list(tests)).stream.statuses == tests


def test_what_catch2_leaves_out_is_skipped():
    program = native.program("catch2_outcomes")
    tests = {"passes": "success", "may throw": "skip", "throws": "fail"}
    assert client("catch2", program, "--nothrow", tests=list(tests)).stream.statuses == tests


# TAP


def test_a_script_that_lists_its_tests_runs_those_that_it_is_asked_for():
    assert listed("tap", str(TAP)) == ["root_is_there", "temp_takes_files", "no_such_folder"]
    stream = client("tap", str(TAP), tests=["no_such_folder", "temp_takes_files"]).stream
    assert stream.statuses == {"no_such_folder": "success", "temp_takes_files": "success"}
    # Behind another test its output may count as that one's: the script does not wait.
    alone = client("tap", str(TAP), tests=["temp_takes_files"]).stream
    says(alone.output("temp_takes_files", "stdout").decode(), "made ")


def test_any_other_script_is_run_as_a_whole(script, tmp_path):
    runs = tmp_path / "runs"
    path = script(f'echo run >> {runs}\necho noise\necho "ok 1 - one"\necho "not ok 2 - two"\n'
                  'echo "# why"\necho 1..2\n')
    ended = client("tap", path)
    assert ended.stream.statuses == {"one": "success", "two": "fail"}
    assert ended.stream.output("one", "stdout") == b"noise\n"
    assert ended.stream.file("two", "failure") == b"why\n"
    assert runs.read_text() == "run\n" * 2  # once to list them


def test_a_plan_that_is_not_kept_is_a_failure(script):
    ended = client("tap", script('echo 1..2\necho "ok 1 - one"\n'))
    assert ended.status == 1
    assert ended.stream.statuses == {"one": "success", "TAP plan": "fail"}


# What goes wrong


@pytest.mark.parametrize("adapter, words", [
    ("gtest", "is it a program with GoogleTest"), ("doctest", "is it a program with doctest"),
    ("catch2", "is it a program with Catch2"), ("tap", "wrote no TAP"),
])
def test_what_is_no_program_of_the_framework_is_named(adapter, words):
    ended = client(adapter, "true")
    assert ended.status == 3
    says(ended.stderr, "cannot list its tests", words)
    ended = client(adapter, "/no/such/program")
    assert ended.status == 3
    says(ended.stderr, 'cannot list its tests: cannot start "/no/such/program": No such file or directory')
    assert ended.stderr.count("cannot start") == 1


def test_a_test_that_does_not_exist_fails_and_the_others_run():
    ended = client("gtest", native.program("gtest_outcomes"), tests=["*", "Plain.Passes"])
    assert ended.stream.statuses == {"*": "fail", "Plain.Passes": "success"}
    says(ended.stream.details("*"), "there is no test with this id")


def test_a_program_that_fails_after_its_tests_is_a_failure(script):
    path = script(f'{native.program("doctest_outcomes")} "$@"; exit 23\n')
    ended = client("doctest", path, tests=["passes"])
    assert ended.status == 1
    assert ended.stream.statuses == {"passes": "success", "process-returncode": "fail"}
    says(ended.stream.details("process-returncode"), "no test has failed", "status 23")


@pytest.mark.parametrize("adapter, hangs, passes", [
    ("gtest", "Crash.Hangs", "Plain.Passes"), ("doctest", "hangs", "passes"),
    ("catch2", "hangs", "passes"),
])
def test_a_test_that_hangs_times_out_and_the_others_run(adapter, hangs, passes):
    program = native.program(f"{adapter}_outcomes")
    ended = support.client("--format", "subunit", "--test-timeout", "2", hangs, passes,
                           channel=channel(adapter, program))
    assert ended.stream.statuses == {hangs: "fail", passes: "success"}
    says(ended.stream.details(hangs), "timed out")
    wait_until(lambda: support.running(program) == [], "the program is gone")


def test_what_is_killed_leaves_no_process(serve):
    program = native.program("gtest_outcomes")
    started = serve("--adapter", "gtest", "--", program)
    started.attached()
    started.send(message(msg="Hello", max=2, min=1))
    started.wait_message(RPC, "Hello")
    started.run(tests=["Crash.Hangs"])
    started.wait_status("Crash.Hangs", "inprogress")
    started.process.send_signal(signal.SIGTERM)
    started.process.wait(support.LIMIT)
    wait_until(lambda: support.running(program) == [], "the program is gone")


def test_a_proxy_that_is_killed_leaves_neither_process_nor_file(serve, script, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # for the proxy's own socket, which stays
    path = script('[ "$1" != --list ] || { echo a; exit; }\ntrap "" TERM\necho 1..1\n'
                  'while :; do sleep 1; done\n')
    started = serve("--adapter", "tap", "--", path)
    started.attached()
    started.send(message(msg="Hello", max=2, min=1))
    started.wait_message(RPC, "Hello")
    started.run(tests=["a"])
    started.wait_status("a", "inprogress")
    support.stop(started.process.pid, signal.SIGKILL)
    wait_until(lambda: support.running(path) == [], "the script is gone")


def test_a_program_that_has_changed_is_listed_again(script):
    path = script('echo "ok 1 - one"\necho 1..1\n')
    assert client("tap", path, tests=["two"]).stream.statuses == {"two": "fail"}
    script('echo "ok 1 - two"\necho 1..1\n')
    assert client("tap", path, tests=["two"]).stream.statuses == {"two": "success"}


@pytest.mark.parametrize("arguments, words", [
    (["--adapter", "junit", "--", "true"], "there is no adapter \"junit\""),
    (["--adapter", "gtest"], "--adapter needs a COMMAND"),
    (["--batch", "2", "--", "true"], "--batch needs --adapter or --test-command"),
])
def test_bad_usage_is_explained(arguments, words):
    ended = support.proxy("serve", *arguments)
    assert ended.status == 2
    says(ended.stderr, words)
