"""`run`: what is asked for, what comes out, and how a channel can fail."""

import os
import re
import subprocess

import pytest

import support
from support import client, proxy, python, says, server, serving

GOOD = serving(*server("good"))
ALL = [f"demo.test_{number}" for number in range(5)]


def subunit(*arguments, channel=GOOD, **options):
    return client("--format", "subunit", *arguments, channel=channel, **options)


# What is asked for


def test_everything_runs_unless_told_otherwise():
    ended = subunit()
    assert ended.status == 0
    stream = ended.stream
    stream.assert_clean()
    assert stream.ids == ALL
    assert set(stream.statuses.values()) == {"success"}


def test_list_as_ids_is_one_a_line():
    ended = client("--list", "--format", "ids", channel=GOOD)
    assert ended.status == 0
    assert ended.text.splitlines() == ALL


def test_list_as_subunit_says_exists_and_runs_nothing():
    ended = subunit("--list")
    assert ended.status == 0
    stream = ended.stream
    stream.assert_clean()
    assert stream.listed == ALL
    assert stream.statuses == {} and stream.files == {}


def test_tests_can_be_named():
    assert subunit("demo.test_3", "demo.test_1").stream.statuses == {
        "demo.test_3": "success", "demo.test_1": "success",
    }


@pytest.mark.parametrize("end", ["\n", ""])
def test_tests_can_be_named_in_a_file(tmp_path, end):
    names = tmp_path / "names"
    names.write_text("demo.test_4\ndemo.test_0" + end)
    assert subunit("--load-list", names).stream.ids == ["demo.test_4", "demo.test_0"]


def test_an_empty_file_means_no_tests_and_not_all(tmp_path):
    names = tmp_path / "names"
    names.write_text("")
    ended = subunit("--load-list", names)
    assert ended.stream.statuses == {}
    assert ended.status == 2
    says(ended.stderr, "no test is named: nothing to run", "--allow-empty")
    assert subunit("--load-list", names, "--allow-empty")[0] == 0


def test_match_picks_by_regular_expression():
    assert subunit("--match", "_[13]$").stream.ids == ["demo.test_1", "demo.test_3"]
    either = subunit("--match", "_1", "--match", "test_4$")
    assert either.stream.ids == ["demo.test_1", "demo.test_4"]
    listed = client("--list", "--format", "ids", "--match", "[02]", channel=GOOD)
    assert listed.text.split() == ["demo.test_0", "demo.test_2"]


def test_an_unknown_test_is_a_failed_test():
    ended = subunit("demo.test_1", "no.such.test")
    assert ended.status == 1
    assert ended.stream.statuses == {"demo.test_1": "success", "no.such.test": "fail"}


def test_a_channel_command_without_dashes_is_not_taken_for_ids_of_tests():
    ended = proxy("run", "ssh", "board", "subunit-proxy", "serve", "--", "python3", "-m", "tests")
    assert ended.status == 2
    says(ended.stderr, '"ssh board subunit-proxy serve" comes before --',
         "subunit-proxy run -- ssh board subunit-proxy serve -- python3 -m tests")


def test_why_a_run_ends_is_told_once():
    ended = client(channel=serving("false"))
    assert ended.status == 3
    mine = [line for line in ended.stderr.splitlines() if "before it connected" in line]
    assert len(mine) == 2, ended.stderr  # that of serve, and that of run


def test_ids_that_are_not_ascii_survive_list_load_list_and_run(tmp_path):
    channel = serving(*python("-m", "subunit_rpc", "noisy.harsh"))
    listed = client("--list", "--format", "ids", "--match", "Names", channel=channel)
    assert "noisy.harsh.Names.test_named[two words, µ=½]" in listed.text.splitlines()
    assert "noisy.harsh.Names.test_試験[two words, µ=½]" in listed.text.splitlines()
    names = tmp_path / "names"
    names.write_bytes(listed.stdout)
    ended = subunit("--load-list", names, channel=channel)
    assert ended.status == 0
    assert ended.stream.statuses == dict.fromkeys(listed.text.splitlines(), "success")


def test_a_hundred_thousand_names_make_one_run(tmp_path):
    name = "demo.a_test_with_a_rather_long_name.so_that_it_adds_up.test_"
    names = [f"{name}{number}" for number in range(100_000)]
    (tmp_path / "names").write_text("\n".join(names) + "\n")
    ended = subunit("--load-list", tmp_path / "names")
    assert ended.status == 1  # the server has none of them
    assert ended.stream.ids == names


# What comes out


def test_exit_status_1_says_that_a_test_failed():
    channel = serving(*python("-m", "subunit_rpc", "noisy.friendly"))
    ended = subunit(channel=channel)
    assert ended.status == 1
    assert ended.stream.failed() == ["noisy.friendly.Ends.test_fails"]
    says(ended.stream.details("noisy.friendly.Ends.test_fails"), "what is wanted", "AssertionError")
    assert subunit("--match", "Prints", channel=channel).status == 0


def test_an_unexpected_success_is_no_success():
    channel = serving(*python("-m", "subunit_rpc", "noisy.harsh"))
    ended = subunit("--match", "unexpectedly", channel=channel)
    assert set(ended.stream.statuses.values()) == {"uxsuccess"}
    assert ended.status == 1


def test_tags_timestamps_and_odd_packets_are_kept_byte_for_byte():
    raw = subunit("demo.test_1", channel=serving(*server("tags"))).stdout
    packets = [support.decode(each) for each in support.cut(bytearray(raw))[0]]
    (final,) = [p for p in packets if p.test_status == "success"]
    assert final.test_tags == {"zebra", "apple"}
    assert b"\0\0\0\1\xfb\x9a\xc9\xff" in final.raw  # 999,999,999 ns
    assert b"\x05zebra\x05apple" in final.raw


def test_results_without_a_beginning_are_results():
    ended = subunit(channel=serving(*server("no-inprogress")))
    assert ended.status == 0
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_subunit_is_the_format_where_stdout_is_no_terminal():
    ended = client(channel=GOOD)
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_human_output_shows_each_failure_with_all_that_belongs_to_it():
    channel = serving(*python("-m", "subunit_rpc", "noisy.friendly"))
    ended = client("--format", "human", channel=channel)
    assert ended.status == 1
    says(ended.text, "noisy.friendly.Ends.test_fails", "Traceback", "what is wanted")
    says(ended.text, "about to fail")
    # Output of tests that passed is nobody's interest.
    assert "hello from print" not in ended.text
    numbers = set(re.findall(r"\b\d+\b", ended.text.splitlines()[-1]))
    assert {"10", "1"} <= numbers, ended.text  # how many ran, how many failed
    both = ended.text + ended.stderr
    assert "\r" not in both and "\x1b" not in both
    assert "\xb3" not in both  # packets


def test_human_output_defuses_control_characters():
    channel = serving(*python("-m", "subunit_rpc", "noisy.harsh"))
    ended = client("--format", "human", "--match", "raises|both_streams", channel=channel)
    assert ended.status == 1
    assert b"\x1b" not in ended.stdout and b"\0" not in ended.stdout
    ended.stdout.decode("utf-8")


def on_terminal(arguments, files):
    """Runs the client with these of its files (1, 2) on a pseudo-terminal of 80 columns."""
    import fcntl
    import pty
    import struct
    import termios

    terminal, child_side = pty.openpty()
    fcntl.ioctl(child_side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    options = {{1: "stdout", 2: "stderr"}[number]: child_side for number in files}
    process = support.start(["run", *arguments], stdin=subprocess.DEVNULL, **options)
    os.close(child_side)
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # EIO: nobody has the other side any more
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    return support.finish(process), shown.decode("utf-8", "replace").replace("\r\n", "\n")


def test_human_is_the_format_on_a_terminal_with_progress_on_one_line():
    channel = serving(*python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh"))
    ended, shown = on_terminal(["--", *channel], files=(1, 2))
    assert ended.status == 1
    says(shown, "noisy.friendly.Ends.test_fails", "what is wanted")
    assert "\r" in shown  # the line of progress, written over
    assert "\xb3" not in shown
    # Written over and not piled up: no line of progress is left on the screen with its newline.
    assert len(re.findall(r"test_is_quiet", shown.replace("\r", "\n"))) <= 3


def test_progress_goes_to_stderr_and_the_stream_stays_clean():
    ended, shown = on_terminal(["--", *GOOD], files=(2,))
    assert ended.status == 0
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_an_unwritable_output_is_an_error(processes):
    process = support.start(
        ["run", "--format", "subunit", "--", *serving(*server("flood"))], stdout=subprocess.PIPE
    )
    processes.append(process)
    os.read(process.stdout.fileno(), 1)
    process.stdout.close()
    assert process.wait(support.LIMIT) not in (0, 1)


# Channels


def test_a_banner_before_ready_costs_nothing():
    banner = "printf 'Welcome to host\\r\\n\\303\\263\\342\\202'; exec \"$@\""
    ended = subunit(channel=["sh", "-c", banner, "sh", *GOOD])
    assert ended.status == 0
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_words_behind_the_last_packet_cost_nothing():
    script = '"$@"; status=$?; echo Connection closed; exit $status'
    ended = subunit(channel=["sh", "-c", script, "sh", *GOOD])
    assert ended.status == 0
    ended.stream.assert_clean()


def test_a_channel_that_never_says_ready_is_an_error_that_shows_what_it_said():
    script = "printf 'Last login: never\\n\\033[1mroot@host\\303# '; exec sleep 600"
    ended = subunit("--ready-timeout", "3", channel=["sh", "-c", script])
    assert ended.status == 3
    says(ended.stderr, "ready", "3 s", "Last login: never", "root@host", "--ready-timeout")
    assert "\x1b" not in ended.stderr  # escaped
    says(ended.stderr, ("\\x1b", "\\e", "\\033"), ("\\xc3", "\\303"))
    ended.stream.assert_clean()
    assert ended.stream.statuses == {}


def test_a_channel_that_says_nothing_is_an_error_that_says_so():
    ended = subunit("--ready-timeout", "3", channel=["sleep", "600"])
    assert ended.status == 3
    says(ended.stderr, "ready", "3 s", ("nothing", "no output", "silent", "0 bytes", "not a byte"))


def test_only_the_first_4_kib_of_noise_are_shown():
    script = "yes 'a banner without end' | head -c 1000000; printf THE-END; exit 1"
    ended = subunit(channel=["sh", "-c", script])
    assert ended.status == 3
    assert 3000 < ended.stderr.count("a banner without end") * 21 < 6000
    assert "THE-END" not in ended.stderr


def test_a_channel_command_that_does_not_exist_is_an_error():
    ended = subunit(channel=["/no/such/ssh", "host"])
    assert ended.status == 3
    says(ended.stderr, "/no/such/ssh", "no such file")


def test_a_channel_that_ends_early_is_an_error_with_its_words_and_status():
    script = "echo 'login failed'; echo 'from stderr' >&2; exit 5"
    ended = subunit(channel=["sh", "-c", script])
    assert ended.status == 3
    says(ended.stderr, "login failed", "from stderr", "5", "ready")


def test_a_channel_killed_before_ready_is_an_error_that_names_the_signal():
    ended = subunit(channel=["sh", "-c", "kill -KILL $$"])
    assert ended.status == 3
    says(ended.stderr, ("SIGKILL", "signal 9"))


def test_the_channels_stderr_passes_through():
    ended = subunit(channel=["sh", "-c", 'echo "Warning: a host key" >&2; exec "$@"', "sh", *GOOD])
    assert ended.status == 0
    assert "Warning: a host key\n" in ended.stderr


def test_a_good_run_says_nothing_on_stderr():
    assert subunit().stderr == ""


def test_a_server_that_does_not_come_is_an_error_within_the_deadline():
    ended = subunit("--attach-timeout", "0.5", channel=serving("sleep", "600"))
    assert ended.status == 3
    says(ended.stderr, ("attach", "connect", "dial"), "0.5", "--attach-timeout")


def test_a_channel_that_breaks_in_a_test_fails_what_was_asked_for(processes, tmp_path):
    gate = tmp_path / "gate"
    process = support.start(
        ["run", "--format", "subunit", *ALL, "--", *serving(*server("gate", gate))]
    )
    processes.append(process)
    data = support.read_until(process, b"demo.test_2")
    support.stop(support.find_process(support.SERVE_PROCESS))
    ended = support.finish(process)
    gate.touch()  # the server, on its own now, is to notice that its connection is gone
    assert ended.status == 3
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert stream.failed() == ["demo.test_2", "demo.test_3", "demo.test_4"]
    says(stream.details("demo.test_2"), "channel")
    says(stream.details("demo.test_4"), ("not run", "no result"))
    says(ended.stderr, "channel", ("SIGKILL", "signal 9"))


# Direct


def test_direct_speaks_with_a_server_on_its_own_stdin_and_stdout():
    ended = subunit("--direct", channel=server("--stdio", "good"))
    assert ended.status == 0
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_direct_speaks_with_a_server_behind_netcat(processes):
    listening = subprocess.Popen(
        server("--listen", "127.0.0.1:0", "good"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    processes.append(listening)
    port = listening.stderr.readline().split()[-1].decode()
    ended = subunit("--direct", channel=["busybox", "nc", "127.0.0.1", port])
    assert ended.status == 0
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")
    assert listening.wait(support.LIMIT) == 0


def test_direct_takes_noise_between_packets():
    script = "printf 'banner\\303'; exec \"$@\""
    ended = subunit("--direct", channel=["sh", "-c", script, "sh", *server("--stdio", "garbage")])
    assert ended.status == 0
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


# Usage


# What can be wrong with a command line is in tests/unit/command_line_test.cc.


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("run", "--no-such-option", "--", "true"),
        ("serve",),
        ("wrap",),
        ("testr", "--no-such-option"),
        ("python", "-V"),
        ("tunnel",),
        ("command-server",),
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_bad_usage_is_told_on_stderr_with_status_2(arguments):
    ended = proxy(*arguments)
    assert (ended.status, ended.stdout) == (2, b"")
    says(ended.stderr, "error", "Try: subunit-proxy " + " ".join([*arguments[:1], "--help"]))


@pytest.mark.parametrize(
    "arguments, seen",
    [
        (("--match", "("), ["("]),
        (("--load-list", "/no/such/file"), ["/no/such/file", "no such file"]),
    ],
)
def test_what_a_run_cannot_work_with_is_bad_usage_too(arguments, seen):
    ended = proxy("run", *arguments, "--", "true")
    assert (ended.status, ended.stdout) == (2, b"")
    says(ended.stderr, *seen)


@pytest.mark.parametrize("command", [(), ("run",)])
def test_help_is_on_stdout_with_status_0(command):
    ended = proxy(*command, "--help")
    assert (ended.status, ended.stderr) == (0, "")
    says(ended.text, "usage", *command)


def test_version_is_told():
    ended = proxy("--version")
    assert ended.status == 0
    assert re.search(r"\d+\.\d+\.\d+", ended.text)
