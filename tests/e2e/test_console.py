"""The console link: `serve` on a terminal, and a client that reaches it through one."""

import os
import re
import shlex
import signal
import subprocess
import termios

import pytest

from console import Console, on_new_console
from noisy import friendly, harsh, huge
from noisy.expected import expected
import support
from support import PROXY, RPC, SERVE_PROCESS, client, message, proxy, python, says, server, serving
from test_attribution import assert_as_expected

DEMO = [f"demo.test_{number}" for number in range(5)]

SESSION = (
    message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run") + message(msg="Goodbye")
)

ALL_BYTES = '''
import os, unittest

class Bytes(unittest.TestCase):
    def test_all(self):
        os.write(1, bytes(range(256)) * 4)
'''


@pytest.fixture
def hello(console, processes):
    """What a serve of old has said to begin a session that is no more."""
    process = console.start(served())
    processes.append(process)
    said = console.read_until(b";\n").decode().split("\n")[0]
    process.terminate()
    process.wait(support.LIMIT)
    console.read()
    return said


def assert_ran_all(ended):
    assert ended.status == 0, ended.stderr
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(DEMO, "success")


def served(*options, mode="good"):
    return serving(*server(mode), options=options)


# The terminal's mode


@pytest.fixture
def on_console(console, processes):
    """Starts a command on the console, which is raw when this returns."""

    def start(*command, **options):
        process = console.start(command, **options)
        processes.append(process)
        support.wait_until(console.is_raw, "raw mode")
        return process

    return start


def test_a_terminal_is_raw_while_serve_uses_it_and_as_before_after_that(console, on_console):
    process = on_console(*served())
    assert_ran_all(console.run("--format", "subunit"))
    assert process.wait(support.LIMIT) == 0
    assert console.mode() == console.before


@pytest.mark.parametrize("settings", [{"c": termios.CSTOPB}, {"o": 0}, {"l": termios.TOSTOP}])
def test_what_is_unusual_about_a_terminal_comes_back_too(console, on_console, settings):
    mode = console.mode()
    for index, letter in enumerate("iocl"):
        mode[index] = settings.get(letter, mode[index])
    mode[6][termios.VEOF] = b"\x05"
    termios.tcsetattr(console.side, termios.TCSANOW, mode)
    before = console.mode()
    process = on_console(*served())
    console.read_until(b"#%")  # it watches for signals by then
    process.terminate()
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == before


ORDERLY = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]
SUDDEN = [
    signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS,
    signal.SIGTRAP, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGRTMIN,
]


@pytest.mark.parametrize("number", ORDERLY, ids=lambda number: number.name)
def test_a_signal_that_ends_serve_in_order_restores_the_terminal(console, on_console, number):
    process = on_console(*served())
    console.read_until(b"#%")  # it says hello: by now it also waits for signals
    process.send_signal(number)
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == console.before


@pytest.mark.parametrize("number", SUDDEN, ids=lambda number: number.name)
def test_a_signal_that_kills_serve_restores_the_terminal(console, on_console, number):
    process = on_console(*served())
    process.send_signal(number)
    status = process.wait(support.LIMIT)
    assert status == -number or support.is_sanitized()
    assert console.mode() == console.before


def test_a_signal_in_the_middle_of_a_run_restores_the_terminal(console, on_console, processes):
    process = on_console(*served(mode="hang"))
    run = support.start(
        ["run", "--format", "subunit", "--", *console.channel()], pass_fds=[console.fd]
    )
    processes.append(run)
    data = support.read_until(run, b"demo.test_2")
    process.terminate()
    ended = support.finish(run)
    assert ended.status == 3
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert "demo.test_2" in stream.failed()
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == console.before


def test_an_error_at_the_start_restores_the_terminal(console):
    process = console.start([support.SERVE_BINARY, "serve", "--listen", "unix:/no/such/dir/socket"])
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == console.before
    says(console.read().decode(), "/no/such/dir")


@pytest.mark.parametrize("change", ["sane", "cooked", "echo"])
def test_somebody_who_changes_the_mode_does_no_harm_for_long(console, on_console, change):
    on_console(*served(mode="good"), stderr=subprocess.PIPE)
    # It fails where serve is faster: it looks whether all is as it has set it.
    subprocess.run(["stty", change], stdin=console.side)
    support.wait_until(console.is_raw, "raw mode again")
    assert_ran_all(console.run("--format", "subunit"))


def test_two_terminals_are_one_line(console, processes):
    other = Console()
    process = console.start(served(), stdout=other.side, stderr=subprocess.PIPE)
    processes.append(process)
    support.wait_until(lambda: console.is_raw() and other.is_raw(), "raw mode of both")
    ended = client("--format", "subunit", channel=[*console.channel(), str(other.fd)],
                   pass_fds=[console.fd, other.fd])
    assert_ran_all(ended)
    assert process.wait(support.LIMIT) == 0
    assert (console.mode(), other.mode()) == (console.before, other.before)
    other.close()


def test_without_the_link_a_terminal_is_left_alone(console, processes):
    process = console.start(served("--link", "raw"))
    processes.append(process)
    assert b"Ready" in console.read_until(b"Ready")
    assert console.mode() == console.before
    process.terminate()
    process.wait(support.LIMIT)


def test_a_terminal_on_one_side_only_is_no_console(console, processes):
    process = console.start(served(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    processes.append(process)
    support.read_until(process, b"Ready")
    assert console.mode() == console.before


def test_log_lines_on_the_console_return_to_the_first_column(console, on_console):
    on_console(*served("--log-level", "info"))
    line = console.read_until(b"attached").rpartition(b"subunit-proxy: ")[2]
    shown = line + console.read_until(b"\n")
    assert b"\r\n" in shown and not re.search(rb"[^\r;]\n", shown)


# Results through a console


def test_serve_on_a_terminal_speaks_the_link_by_itself(console, on_console):
    on_console(*served())
    assert console.read_until(b";").startswith(b"#%H")


@pytest.mark.parametrize("options", [(), ("--link", "armour"), ("--link", "auto")])
def test_run_through_a_console_is_exact(options):
    channel = on_new_console(*served())
    ended = client("--format", "subunit", *options, channel=channel)
    assert_ran_all(ended)
    assert ended.stderr == ""


def test_a_noisy_suite_through_a_console_is_exact():
    table = expected(*friendly.CASES, *harsh.CASES)
    command = python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh")
    ended = client("--format", "subunit", channel=on_new_console(*serving(*command)))
    assert_as_expected(ended.stream, table)
    assert ended.status == 1


@pytest.mark.parametrize("serve_link", ["auto", "armour"])
@pytest.mark.parametrize("run_link", ["auto", "armour"])
def test_every_byte_value_comes_through_a_console(tmp_path, serve_link, run_link):
    (tmp_path / "all_bytes.py").write_text(ALL_BYTES)
    command = ["env", f"PYTHONPATH={tmp_path}:{support.PYTHONPATH}", support.PYTHON]
    serve = serving(*command, "-m", "subunit_rpc", "all_bytes", options=["--link", serve_link])
    ended = client("--format", "subunit", "--link", run_link, channel=on_new_console(*serve))
    assert ended.status == 0, ended.stderr
    stream = ended.stream
    stream.assert_clean()
    written = [stream.file("all_bytes.Bytes.test_all", name) for name in ("stdout", "stdout.raw")]
    assert b"".join(written) == bytes(range(256)) * 4


def test_several_servers_behind_a_console_share_the_tests():
    channel = on_new_console(*serving(*server("good"), options=["--workers", "3"]))
    assert_ran_all(client("--format", "subunit", channel=channel))


def test_what_the_console_shows_besides_the_link_is_kept():
    script = "echo before; \"$@\"; echo behind"
    ended = client("--format", "subunit", channel=on_new_console("sh", "-c", script, "sh", *served()))
    assert_ran_all(ended)
    # A line that stays silent for long gets an XON, should it wait for one.
    shown = ended.stream.all_output("channel").replace(b"\x11", b"")
    assert shown == b"before\r\nbehind\r\n"


def test_a_console_that_echoes_again_is_noticed_on_both_sides(console, on_console, processes):
    process = on_console(*served(mode="hang"), stderr=subprocess.PIPE)
    run = support.start(
        ["run", "--format", "subunit", "--", *console.channel()], pass_fds=[console.fd]
    )
    processes.append(run)
    support.read_until(run, b"demo.test_2")
    subprocess.run(["stty", "sane"], stdin=console.side)  # as above
    support.wait_until(console.is_raw, "raw mode again")
    run.terminate()
    process.wait(support.LIMIT)
    says(process.stderr.read().decode(), "back to raw")
    support.finish(run)


@pytest.mark.parametrize("end", ["exec", "exit"])
def test_a_console_that_goes_on_after_the_link_does_not_keep_run(console, processes, end):
    """A shell, which prints its prompt and waits, or nothing that is there any more."""
    shell = ["sh", "-c", f"{shlex.join(served())}; {'exec sleep 600' if end == 'exec' else 'exit'}"]
    process = console.start(shell)
    processes.append(process)
    support.wait_until(console.is_raw, "raw mode")
    assert_ran_all(console.run("--format", "subunit"))


MEMORY = (200 if support.is_sanitized() else 32) << 20


def test_memory_stays_bounded_while_nobody_reads_the_results_of_a_console(processes):
    channel = on_new_console(*serving(*python("-m", "subunit_rpc", "noisy.huge")))
    run = support.start(["run", "--format", "subunit", "--", *channel])
    processes.append(run)
    data = support.read_until(run, b"test_2_writes")
    suite = support.find_process(f"{support.PYTHON} -m subunit_rpc", forked=True)
    support.wait_until(lambda: support.is_blocked(suite), "the test's writes block")
    for pid in (run.pid, support.find_process(SERVE_PROCESS)):
        assert support.peak_memory(pid) < MEMORY
    ended = support.finish(run)
    assert_as_expected(support.Stream(data + ended.stdout), expected(*huge.CASES))
    assert ended.status == 0, ended.stderr


def test_memory_stays_bounded_while_nobody_reads_what_a_console_prints(processes, tmp_path):
    gate = tmp_path / "gate"
    flood = f"until [ -e {gate} ]; do sleep 0.1; done; exec yes noise without end"
    script = f"{{ {flood}; }} & {shlex.join(served())}; kill $!"
    tunnel = support.start(["tunnel", "--", *on_new_console("sh", "-c", script)])
    processes.append(tunnel)
    data = support.read_until(tunnel, b"Attached")
    gate.write_text("")
    yes = support.find_process("yes noise")
    support.wait_until(lambda: support.is_blocked(yes), "the writes of the flood block")
    assert support.peak_memory(tunnel.pid) < MEMORY
    tunnel.stdin.write(SESSION)
    ended = support.finish(tunnel)
    assert ended.status == 0, ended.stderr
    packets, stray = support.cut(bytearray(data + ended.stdout))
    assert stray == b""
    stream = support.Stream(b"".join(packets))
    assert stream.statuses == dict.fromkeys(DEMO, "success")
    lines = re.split(rb"\r?\n", stream.all_output("channel"))
    assert set(lines[:-1]) == {b"noise without end"}


# Over pipes


@pytest.mark.parametrize("run_link", ["auto", "armour"])
def test_the_link_over_pipes(run_link):
    channel = served("--link", "armour")
    assert_ran_all(client("--format", "subunit", "--link", run_link, channel=channel))


@pytest.mark.parametrize("run_link", ["auto", "raw"])
def test_bytes_as_they_are_over_pipes(run_link):
    channel = served("--link", "raw")
    assert_ran_all(client("--format", "subunit", "--link", run_link, channel=channel))


def test_over_pipes_only_the_link_sends_printable_characters(processes):
    process = support.start(["serve", "--link", "armour", "--", *server("good")])
    processes.append(process)
    data = support.read_until(process, b";\n")
    assert re.fullmatch(rb"(#%H[\w-]+;\n)+", data)


@pytest.mark.parametrize("link", ["auto", "raw"])
def test_a_hello_of_old_does_not_hide_what_the_proxy_speaks_now(hello, link):
    """It stands in what a console shows again to somebody who comes back to it."""
    channel = ["sh", "-c", f"echo '{hello}'; exec \"$@\"", "sh", *served("--link", link)]
    assert_ran_all(client("--format", "subunit", channel=channel))
    assert_ran_all(client("--format", "subunit", "--pty", channel=channel))


# --pty


def test_the_command_gets_a_terminal_of_its_own():
    ended = client("--format", "subunit", "--pty", channel=served())
    assert_ran_all(ended)
    assert ended.stderr == ""


def test_that_terminal_controls_the_command_and_has_a_size():
    script = (
        "test -t 0 && test -t 1 && test ! -t 2 && stty size </dev/tty >&2 && stty -a </dev/tty >&2;"
        'exec "$@"'
    )
    ended = client("--format", "subunit", "--pty", channel=["sh", "-c", script, "sh", *served()])
    assert_ran_all(ended)
    says(ended.stderr, "24 80", "-icanon", "-echo ", "-opost")


def test_raw_bytes_pass_it_unharmed(tmp_path):
    ended = client("--format", "subunit", "--pty", "--link", "raw", channel=served("--link", "raw"))
    assert_ran_all(ended)


def test_the_end_of_the_command_is_the_end_of_the_channel():
    ended = client("--pty", channel=["sh", "-c", "echo no proxy here; exit 4"])
    assert ended.status == 3
    says(ended.stderr, "before the proxy sent Ready", '"sh" exited with status 4', "no proxy here")
    ended = client("--console-wait", "login: ", "--console-command", "root", channel=["sh", "-c", "echo no console"])
    assert ended.status == 3
    says(ended.stderr, 'ended while the client was waiting for the console to print what --console-wait "login: "',
         '"sh" exited with status 0', "no console")


def test_an_interrupt_ends_the_command_on_its_terminal(processes):
    run = support.start(["run", "--pty", "--", *served(mode="hang")], process_group=0)
    processes.append(run)
    support.find_process(support.SERVER_PROCESS)
    run.send_signal(signal.SIGINT)
    assert support.finish(run).status == 3


# The end of a client


@pytest.mark.parametrize("signals", [1, 2])
def test_a_daemon_that_hangs_is_killed_and_the_terminal_as_before(console, on_console, signals):
    process = on_console(*served("--grace", "1", mode="hang"))
    console.read_until(b";\n")  # it is at work
    support.find_process(support.SERVER_PROCESS)
    daemons = lambda: [pid for pid in support.running(SERVE_PROCESS) if pid != process.pid]
    support.wait_until(lambda: len(daemons()) == 1, "the daemon has started its server")
    os.kill(daemons()[0], signal.SIGSTOP)
    for _ in range(signals):
        process.terminate()
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == console.before


def test_a_killed_client_ends_the_servers_at_the_other_end(processes):
    run = support.start(["run", "--format", "subunit", "--", *on_new_console(*served(mode="hang"))])
    processes.append(run)
    support.read_until(run, b"demo.test_2")
    run.kill()
    run.communicate()
    support.wait_until(lambda: not support.running(SERVE_PROCESS), "the end of serve")


@pytest.mark.long
def test_a_link_that_is_cut_is_dead_on_both_sides_and_the_terminal_as_before(
    console, on_console, processes
):
    process = on_console(*served(mode="hang"), stderr=subprocess.PIPE)
    run = support.start(
        ["run", "--format", "subunit", "--", *console.channel()], pass_fds=[console.fd]
    )
    processes.append(run)
    data = support.read_until(run, b"demo.test_2")
    os.kill(support.find_process(shlex.join(console.channel())), signal.SIGSTOP)
    ended = support.finish(run)
    assert ended.status == 3
    says(ended.stderr, "link", ("dead", "lost"))
    assert "demo.test_2" in support.Stream(data + ended.stdout).failed()
    assert process.wait(support.LIMIT) == 3
    says(process.stderr.read().decode(), "the console link is dead", "30 s")
    assert console.mode() == console.before


def test_a_client_that_hangs_up_is_noticed_at_once(console, on_console, processes):
    """The console does not tell: the client does, and nobody waits for half a minute."""
    process = on_console(*served(mode="hang"), stderr=subprocess.PIPE)
    run = support.start(
        ["run", "--format", "subunit", "--ready-timeout", "60", "--", *console.channel()],
        pass_fds=[console.fd],
    )
    processes.append(run)
    support.read_until(run, b"demo.test_2")
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGINT)
    support.finish(run)
    assert process.wait(support.LIMIT) == 3
    says(process.stderr.read().decode(), "the client has hung up")
    assert console.mode() == console.before


def test_a_second_client_can_follow_the_first_on_the_same_console(console, processes):
    for _ in range(2):
        process = console.start(served())
        processes.append(process)
        support.wait_until(console.is_raw, "raw mode")
        assert_ran_all(console.run("--format", "subunit"))
        assert process.wait(support.LIMIT) == 0
        assert console.mode() == console.before


# Starting the proxy by hand


@pytest.mark.parametrize("shell", [["sh", "-i"], ["bash", "--norc", "--noprofile", "-i"]])
@pytest.mark.parametrize("exec_word", ["", "exec "])
def test_a_command_that_is_typed_into_a_shell_starts_the_proxy(shell, exec_word):
    channel = on_new_console("env", "PS1=\x1b[32mboard\x1b[0m:~# ", *shell)
    ended = client(
        "--format", "subunit", "--console-wait", "board:~# $",
        "--console-command", exec_word + shlex.join(served()), channel=channel,
    )
    assert_ran_all(ended)
    assert "board" in ended.stream.all_output("channel").decode()


def test_commands_answer_one_question_after_the_other():
    login = (
        'printf "login: "; read name; printf "Password: "; stty -echo; read word; stty echo; '
        'echo; printf "%s/%s\\n$ " "$name" "$word"; read command; eval "$command"'
    )
    ended = client(
        "--format", "subunit", "--console-wait", "login: ", "--console-command", "root",
        "--console-wait", "Password: ", "--console-command", "secret",
        "--console-wait", "root/secret\n\\$ $", "--console-command", shlex.join(served()),
        channel=on_new_console("sh", "-c", login),
    )
    assert_ran_all(ended)


def test_a_command_without_anything_to_wait_for_is_typed_at_once():
    channel = on_new_console("sh", "-i")
    command = "exec " + shlex.join(served())
    assert_ran_all(client("--format", "subunit", "--console-command", command, channel=channel))


def test_a_command_is_typed_into_a_shell_on_a_terminal_of_ours():
    command = "exec " + shlex.join(served())
    ended = client("--format", "subunit", "--pty", "--console-command", command,
                   channel=["sh", "-i"])
    assert_ran_all(ended)


def test_a_command_is_not_typed_where_the_proxy_speaks_already(tmp_path):
    """Whatever the console prints then: serve would take it for noise."""
    log = tmp_path / "log"
    serve = f"{shlex.join(served('--log-level', 'debug', mode='hang'))} 2>{log}"
    prompt = f"until grep -q answers {log}; do sleep 0.1; done; echo 'board$ '"
    ended = client(
        "--format", "subunit", "--console-wait", "board\\$", "--console-command", "oops",
        "--test-timeout", "3", channel=on_new_console("sh", "-c", f"{{ {prompt}; }} & {serve}"),
    )
    assert ended.status == 1 and b"board$ " in ended.stream.all_output("channel"), ended.stderr
    says(log.read_text(), "answers over the console link")
    assert "oops" not in log.read_text()


def test_what_never_comes_is_told_with_what_came_instead():
    ended = client(
        "--console-wait", "login: $", "--console-command", "root", "--ready-timeout", "10",
        channel=on_new_console("sh", "-c", "echo booting; exec sleep 600"),
    )
    assert ended.status == 3
    says(ended.stderr, "10 s (--ready-timeout)", "--console-wait", "login: $", "booting")


# What is said


def test_a_hello_without_more_is_told(hello):
    ended = client("--ready-timeout", "10", channel=["sh", "-c", f"echo '{hello}'; exec sleep 600"])
    assert ended.status == 3
    says(ended.stderr, "sends hello", "not seem to receive our answer")
    assert hello not in ended.stderr  # it is no noise


def test_a_link_that_never_comes_is_told_where_it_was_asked_for():
    ended = client("--ready-timeout", "10", "--link", "armour", channel=["sh", "-c", "echo hi; cat"])
    assert ended.status == 3
    says(ended.stderr, "no hello has come", "hi")


def test_the_end_of_the_line_is_told(processes):
    run = support.start(["run", "--format", "subunit", "--", *on_new_console(*served(mode="hang"))])
    processes.append(run)
    data = support.read_until(run, b"demo.test_2")
    os.kill(support.find_process(SERVE_PROCESS), signal.SIGKILL)
    ended = support.finish(run)
    assert ended.status == 3
    says(ended.stderr, "the console link is dead", "the line has ended")
    assert "demo.test_2" in support.Stream(data + ended.stdout).failed()
    for pid in support.running(support.SERVER_PROCESS):
        support.stop(pid)  # nobody was left to end it


def test_statistics_are_told_at_the_end(console, on_console):
    process = on_console(*served("--log-level", "info"), stderr=subprocess.PIPE)
    ended = console.run("--format", "subunit", "--log-level", "info")
    assert_ran_all(ended)
    process.wait(support.LIMIT)
    for text in (ended.stderr, process.stderr.read().decode()):
        says(text, "the console link in", "frames sent", "repaired", "echoes", "noise", "kB/s")


def test_a_rate_slows_both_directions_and_is_told():
    ended = client("--format", "subunit", "--log-level", "info", "--baud", "9600",
                   channel=on_new_console(*served()))
    assert_ran_all(ended)
    share = re.search(r"(\d+) % of the line's rate", ended.stderr)
    assert share and int(share[1]) <= 100


# Other clients


def test_tunnel_through_a_console_holds_what_is_sent_until_it_can_go():
    ended = proxy("tunnel", "--", *on_new_console(*served()), stdin=SESSION)
    assert (ended.status, ended.stderr) == (0, "")
    packets, stray = support.cut(bytearray(ended.stdout))
    assert stray == b""
    said = [p.message["msg"] for p in map(support.decode, packets) if p.test_id in (RPC, PROXY)]
    assert said == ["Ready", "Attached", "Hello", "Done", "Detached"]
    assert ended.stream.statuses == dict.fromkeys(DEMO, "success")


def test_tunnel_over_a_console_that_goes_on_ends_well(console, processes):
    script = f"{shlex.join(served())}; exec sleep 600"
    processes.append(console.start(["sh", "-c", script]))
    support.wait_until(console.is_raw, "raw mode")
    session = message(msg="Hello", max=1, min=1) + message(msg="Goodbye")
    ended = proxy("tunnel", "--", *console.channel(), stdin=session, pass_fds=[console.fd])
    assert (ended.status, ended.stderr) == (0, "")


def test_testr_through_a_console(tmp_path):
    channel = shlex.join(on_new_console(*served())).replace("%", "%%")
    (tmp_path / ".testr.conf").write_text(f"[DEFAULT]\nserver_command={channel}\n")
    ended = proxy("testr", cwd=tmp_path)
    assert_ran_all(ended)
