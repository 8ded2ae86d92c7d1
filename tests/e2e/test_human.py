"""What a person sees of a run: the status line, incidents, failures and the summary."""

import fcntl
import os
import re
import shlex
import signal
import termios
import time

import pytest

from support import says
import support
from terminal import Driver, Terminal

# Wide, combining, right to left, and nothing that a terminal should ever see.
ODD_IDS = [
    "suite.試験.test_日本語の名前が長いテスト",
    "suite.test_" + "e\u0301" * 40,
    "suite.test_\u202eabc\u200d\x1b[2J\r\n\t" + "x" * 30,
    "suite.test_❤\ufe0f👩\u200d🚀" * 5,
    "suite." + "a_long_name." * 400 + "test",
]


@pytest.fixture
def shown(processes):
    """Starts the outputs of a run on a terminal."""

    def start(*arguments, **options):
        driver = Driver(*arguments, **options)
        processes.append(driver.process)
        return driver

    return start


# The status line


def test_the_status_line_tells_how_far_the_run_is(shown):
    run = shown(columns=100)
    run.wait(lambda screen: screen.lines == ["waiting, 0:00"], "before anything is known")
    run.tell(expect=3)
    run.tell(left=95)
    run.begin("demo.test_0")
    line = r"0/3, 0 failed, 0:0\d, 1:35 left  demo.test_0"
    run.wait(lambda screen: re.fullmatch(line, screen.lines[0]), line)
    run.end("demo.test_0", status=6)
    run.begin("demo.test_1", worker=1)
    line = r"1/3, 1 failed, 0:\d\d, 1:35 left  #1 demo.test_1"
    run.wait(lambda screen: re.fullmatch(line, screen.lines[0]), line)
    run.begin("demo.test_2", worker=0)
    line += r"$|1/3, 1 failed, 0:\d\d, 1:35 left  #0 demo.test_2  #1 demo.test_1"
    run.wait(lambda screen: "#0" in screen.lines[0], "both workers")
    assert re.fullmatch(line, run.screen.lines[0])
    run.finish()


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("columns", [200, 80, 40, 10])
def test_the_status_line_never_wraps_and_leaves_nothing(shown, columns, locale):
    run = shown(columns=columns, LC_ALL=locale)
    run.tell(expect=25)
    for left in (1, 100, 10_000):
        run.tell(left=left)
        for workers in range(1, len(ODD_IDS) + 1):
            for worker in range(workers):
                run.begin(ODD_IDS[worker], worker)
            drawn = run.redraws
            run.wait(lambda _: run.redraws > drawn, "a status line with these tests")
            assert len(run.screen.lines) == 1
            for worker in range(workers):
                run.end(ODD_IDS[worker], worker)
    ended = run.finish()
    assert run.screen.wrapped == 0
    assert run.screen.widest < columns  # the last column stays free
    assert run.screen.lines == []
    assert ended.text.startswith("45 tests: 45 passed")
    if locale == "C":
        assert run.shown.isascii()
    elif columns >= 80:
        assert "テスト" in run.shown and "e\u0301" in run.shown


def test_the_status_line_fits_a_terminal_that_is_resized(shown):
    run = shown(columns=120)
    run.tell(expect=4)
    for worker in range(4):
        run.begin(f"some.module.test_{worker}", worker)
    run.wait(lambda screen: "#3" in "".join(screen.lines), "four tests")
    for columns in (60, 30, 12, 110):
        resize(run, columns)
        assert len(run.screen.lines) == 1, run.screen.lines
        assert run.screen.widest < columns
    assert "#3" in run.screen.lines[0]
    # Not only when the next second comes: then no two sizes would be seen in one second.
    seconds = []

    def both_in_one_second():
        for columns in (100, 110):
            resize(run, columns)
            seconds.append(re.search(r"\d+:\d\d", run.screen.lines[0])[0])
        return seconds[-1] == seconds[-2]

    support.wait_until(both_in_one_second, "two sizes in one second")
    run.finish()
    assert run.screen.lines == []
    assert run.screen.wrapped == 0


def resize(run, columns):
    """Waits for a status line in the new size."""
    run.resize(columns, run.process)
    widest = run.screen.widest = 0
    run.wait(lambda screen: screen.widest > widest, f"a line of {columns} columns")


def test_the_status_line_is_redrawn_at_most_ten_times_a_second_and_in_one_piece(shown):
    run = shown()
    started = time.monotonic()
    run.tell(expect=50_000)
    for number in range(50_000):
        run.begin(f"test_{number}")
        run.end(f"test_{number}")
        if number % 1000 == 0:
            run.read()
    run.wait(lambda screen: screen.lines[0].startswith("50000/"), "all of them")
    assert run.redraws <= (time.monotonic() - started) * 10 + 1
    # Each is written over the one before, and only then erased behind: nothing flickers.
    assert re.fullmatch(r"(\r[^\r\n\x1b]+\x1b\[J\r)+", run.shown)
    run.finish()


def test_nothing_is_drawn_while_nothing_changes_but_the_time(shown):
    run = shown()
    run.tell(expect=1)
    run.begin("a.test")
    run.wait(lambda screen: "a.test" in screen.lines[0], "the test")
    before = len(run.shown)
    run.wait(lambda screen: re.search(r"0:0[3-9]|0:[1-5]\d", screen.lines[0]), "three seconds")
    times = re.findall(r"\d+:\d\d", run.shown[before:])
    assert times == sorted(set(times)), times
    run.finish()


def test_a_message_stands_above_the_status_line(shown):
    run = shown()
    run.tell(expect=1)
    run.begin("a.test_with_a_name")
    run.wait(lambda screen: "a.test_with_a_name" in screen.lines[0], "the test")
    run.tell(log="words")
    run.wait(lambda screen: "words" in screen.lines[0], "the message")
    assert run.screen.lines[0] == "subunit-proxy: warning: words"
    assert len(run.screen.lines) == 2 and run.screen.lines[1].endswith("a.test_with_a_name")
    run.finish()
    assert run.screen.lines == ["subunit-proxy: warning: words"]


def test_what_another_program_writes_replaces_the_status_line(shown):
    """As ssh does, that has the same stderr."""
    run = shown()
    run.tell(expect=1)
    run.wait(lambda screen: screen.lines[0].startswith("0/1"), "the status line")
    run.screen.feed("Warning: a host key is new in this program's stderr\r\n")
    run.begin("a.test")
    run.wait(lambda screen: screen.lines[-1].endswith("a.test"), "the next status line")
    run.finish()
    assert run.screen.lines == ["Warning: a host key is new in this program's stderr"]


def test_failures_list_and_summary_on_the_same_terminal_stand_alone(shown):
    run = shown(on_terminal=("stdout", "stderr"))
    run.tell(expect=2)
    run.begin("a.test")
    run.tell(id="a.test", file="traceback", text="what is wrong\n")
    run.wait(lambda screen: "a.test" in screen.lines[0], "the test")
    run.end("a.test", status=6)
    run.end("b.test")
    run.finish()
    lines = run.screen.lines
    assert lines[1:5] == ["FAIL: a.test", "-" * 70, "traceback:", "what is wrong"], lines
    assert re.fullmatch(r"2 tests: 1 passed, 1 failed, 0 skipped in \d+\.\d s", lines[-1])
    assert re.fullmatch(r"failed     a.test  worker-0    \d+\.\d s", lines[-2])
    assert len(lines) == 7


# Incidents


def test_a_slow_test_is_named_with_its_worker(shown):
    run = shown()
    run.begin("a.test", worker=2)
    run.wait(lambda screen: "a.test" in screen.lines[0], "the test")
    run.tell(incident="slow", id="a.test", worker=2)
    run.wait(lambda screen: screen.lines[0].startswith("slow"), "the line")
    assert re.fullmatch(
        r"slow: a\.test has been running for \d+ s on worker-2", run.screen.lines[0]
    )
    run.finish()


@pytest.mark.parametrize("form", ["human", "subunit"])
def test_a_lost_server_is_a_warning_that_names_it_in_every_format(shown, form):
    run = shown("--format", form, on_terminal=())
    run.begin("a.test", worker=2)
    run.tell(incident="gone", worker=2, text="killed by SIGSEGV (11)")
    run.tell(incident="trouble", text="the channel \"ssh\" is lost")
    run.end("a.test", worker=2, status=6)
    ended = run.finish(completed=False)
    assert ended.stderr == (
        "subunit-proxy: warning: worker-2: killed by SIGSEGV (11)\n"
        "subunit-proxy: warning: the channel \"ssh\" is lost\n"
    )
    if form == "human":
        says(ended.text.splitlines()[-1], "1 server was lost", "not completed")


def test_a_lost_server_runs_nothing_any_more(shown):
    run = shown()
    run.begin("a.test", worker=0)
    run.begin("b.test", worker=1)
    run.wait(lambda screen: "#0 a.test" in screen.lines[0], "both")
    run.tell(incident="gone", worker=0, text="killed")
    run.wait(lambda screen: "killed" in screen.lines[0] and len(screen.lines) == 2, "the end")
    run.wait(lambda screen: "a.test" not in screen.lines[1], "the status line without it")
    assert "#1 b.test" in run.screen.lines[1]
    run.finish()


# Where there is no terminal


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb"}], ids=["pipe", "dumb"])
def test_without_a_capable_terminal_there_are_no_control_characters(shown, environment):
    run = shown(on_terminal=("stderr",) if environment else (), **environment)
    run.tell(expect=1)
    for test_id in ODD_IDS:
        run.begin(test_id)
        run.tell(incident="slow", id=test_id, worker=0)
        run.end(test_id, status=6)
    ended = run.finish()
    text = ended.text + ended.stderr + run.shown.replace("\r\n", "\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert len((ended.stderr + run.shown).splitlines()) == len(ODD_IDS)


@pytest.mark.long
def test_without_a_terminal_a_line_comes_every_ten_seconds(shown):
    run = shown(on_terminal=())
    run.tell(expect=2)
    run.begin("a.test")
    line = support.wait_until(run.process.stderr.readline, "a line")
    assert re.fullmatch(rb"0/2, 0 failed, 0:1\d  a\.test( 1\d s)?\n", line)
    line = support.wait_until(run.process.stderr.readline, "another one")
    assert re.fullmatch(rb"0/2, 0 failed, 0:2\d  a\.test [12]\d s\n", line)
    assert run.finish().stderr == ""


# Color


@pytest.mark.parametrize(
    "arguments, environment, colored",
    [
        ((), {}, True),
        ((), {"NO_COLOR": ""}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_color_on_a_terminal(shown, arguments, environment, colored):
    run = shown(*arguments, on_terminal=("stdout", "stderr"), **environment)
    run.tell(expect=2)
    run.end("a.test", status=6)
    if environment.get("TERM") != "dumb":
        run.wait(lambda screen: "1 failed" in "".join(screen.lines), "the failure")
        assert bool(run.screen.colors) == colored
    run.finish()
    assert ("1;31" in run.screen.colors) == colored
    assert (run.screen.colors != set()) == colored


@pytest.mark.parametrize("arguments, colored", [((), False), (("--color", "always"), True)])
def test_color_in_a_file(shown, arguments, colored):
    run = shown(*arguments, on_terminal=())
    run.end("a.test", status=6)
    run.tell(incident="slow", id="a.test")
    ended = run.finish()
    assert ("\x1b[1;31mFAIL\x1b[0m" in ended.text) == colored
    assert ("\x1b" in ended.text) == ("\x1b" in ended.stderr) == colored


def test_run_takes_color():
    ended = support.client(
        "--format", "human", "--color", "always", channel=support.serving(*support.server("good"))
    )
    assert ended.status == 0
    assert re.fullmatch(
        "\x1b\\[32m5 tests: 5 passed, 0 failed, 0 skipped in .* s\x1b\\[0m\n", ended.text
    )


# What tests would do to the terminal

HOSTILE = ("\x1b[2J", "\x1b]0;title\x07", "\r", "\x08", "\x7f", "\x9b31m", "\u061c", "\u200b", "\u200f",
           "\u202e", "\u2066", "\u2069", "\u2060", "\ufeff", "\xad", "\u3164", "\U000e0041")
HOSTILE_SERVER = f"""
source = open({str(support.EXAMPLES / "own_server.py")!r}).read()
hostile = {HOSTILE!r}
tests = {{f"t.{{part}}.größe": lambda part=part: print(f"out {{part}}.") or False for part in hostile}}
exec(source.replace("host, port =", "TESTS = tests\\nhost, port =", 1))
"""


@pytest.mark.parametrize("options", [["--list"], ["--list", "--format", "ids"], [], ["--live"]], ids=" ".join)
def test_nothing_that_a_test_names_or_prints_acts_on_a_terminal(processes, options):
    terminal = Terminal(columns=500)
    channel = support.serving(*support.python("-c", HOSTILE_SERVER))
    environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    process = terminal.start(
        [support.BINARY, "run", *options, "--", *channel], ("stdout", "stderr"), env=environment
    )
    processes.append(process)
    terminal.read_all()
    assert support.finish(process).status == (0 if "--list" in options else 1)
    assert "größe" in terminal.shown or not options
    if "--live" in options:
        assert r".größe: out \xe2\x80\xae." in terminal.shown
    left = re.sub("\x1b\\[J|[\r\n]", "", terminal.shown)  # of the status line
    assert all(character.isprintable() for character in left), left


def test_in_a_pipe_ids_are_what_they_are():
    channel = support.serving(*support.python("-c", HOSTILE_SERVER))
    ended = support.client("--list", "--format", "ids", channel=channel)
    assert sorted(ended.text.split("\n")[:-1]) == sorted(f"t.{part}.größe" for part in HOSTILE)


# --live


def test_live_lines_stand_above_the_status_line(shown):
    run = shown("--live", "yes", on_terminal=("stdout", "stderr"))
    run.tell(expect=2)
    run.begin("a.test")
    run.tell(id="a.test", file="stdout", text="one\ntw")
    run.wait(lambda screen: screen.lines[0] == "a.test: one" and screen.lines[-1].startswith("0/2"), "both")
    run.tell(id="a.test", file="stdout", text="o\n")
    run.wait(lambda screen: screen.lines[:2] == ["a.test: one", "a.test: two"] and len(screen.lines) == 3
             and screen.lines[2].startswith("0/2"), "both lines, and the status line")
    run.end("a.test")
    run.end("b.test")
    run.finish()
    assert run.screen.lines[:2] == ["a.test: one", "a.test: two"]
    assert run.screen.lines[-1].startswith("2 tests: 2 passed")


def test_a_line_is_there_while_its_test_runs(tmp_path):
    gates = [tmp_path / f"gate-{number}" for number in range(2)]
    (tmp_path / "suite.py").write_text(f"""
import time, unittest
from pathlib import Path

class Case(unittest.TestCase):
    def wait(self, gate):
        print("waiting for", gate.name)
        print("not whole", end="", flush=True)
        while not gate.exists():
            time.sleep(0.01)

for number, gate in enumerate({list(map(str, gates))}):
    setattr(Case, f"test_{{number}}", lambda self, gate=Path(gate): self.wait(gate))
""")
    channel = support.serving(*support.python("-m", "subunit_rpc", "suite"), options=["--workers", "2"])
    with open(tmp_path / "out", "wb") as out:
        process = support.start(["run", "--format", "human", "--live", "--isolated", "--", *channel], cwd=tmp_path, stdout=out)
        shown = lambda: (tmp_path / "out").read_text().splitlines()
        expected = [f"suite.Case.test_{number}: waiting for gate-{number}" for number in range(2)]
        support.wait_until(lambda: sorted(shown()) == expected, "a line of each test")
        for gate in gates:
            gate.touch()
        assert support.finish(process).status == 0
    lines = shown()
    assert sorted(lines[2:4]) == [f"suite.Case.test_{number}: not whole" for number in range(2)]


# Keys

GATED = """
import time, unittest
from pathlib import Path

class Case(unittest.TestCase):
    def test_gated(self):
        for number in range(5):
            print("line", number, flush=True)
        while not Path("gate").exists():
            time.sleep(0.01)
"""


class Typist(Terminal):
    """A terminal of which a run has the whole job, and somebody who types."""

    def __init__(self, columns=100):
        super().__init__(columns)
        self.before = termios.tcgetattr(self.fd)

    def run(self, command, **options):
        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        return self.start(command, ("stdin", "stdout", "stderr"), env=environment, preexec_fn=take_terminal, **options)

    def type(self, keys):
        os.write(self.fd, keys)

    def takes_keys(self):
        return not termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ECHO)


def gated(folder, *options):
    (folder / "suite.py").write_text(GATED)
    channel = support.serving(*support.python("-m", "subunit_rpc", "suite"))
    return [support.BINARY, "run", *support.patiently(["run"])[1:], "--live", *options, "--", *channel]


def shows(*lines):
    """All of these are on the screen, in this order."""

    def condition(screen):
        rest = iter(screen.lines)
        return all(any(re.search(line, each) for each in rest) for line in lines)

    return condition


def test_keys_tell_what_runs_mark_a_line_and_end_the_run(processes, tmp_path):
    terminal = Typist()
    process = terminal.run(gated(tmp_path), cwd=tmp_path)
    processes.append(process)
    terminal.wait(shows("test_gated: line 4"), "the test prints")
    support.wait_until(terminal.takes_keys, "keys are taken")
    terminal.type(b"t")
    terminal.wait(shows(r"^after \d+:\d\d:$", r"^worker-0: suite\.Case\.test_gated \d+:\d\d$", "^    stdout: line 2$",
                        "^    stdout: line 4$"), "what runs")
    assert not shows("^    stdout: line 1$")(terminal.screen)
    terminal.type(b"\n")
    terminal.wait(shows("stdout: line 4", "^-+$", r"^\d+:\d\d$", "^-+$"), "a mark")
    terminal.type(b"q")
    terminal.wait(shows("interrupted"), "the end")
    status = process.wait(support.LIMIT)
    assert status == 3
    assert termios.tcgetattr(terminal.fd) == terminal.before
    os.close(terminal.fd)


def test_a_job_that_was_stopped_takes_keys_again(processes, tmp_path):
    terminal = Typist()
    process = terminal.run(gated(tmp_path), cwd=tmp_path)
    processes.append(process)
    support.wait_until(terminal.takes_keys, "keys are taken")
    process.send_signal(signal.SIGSTOP)
    termios.tcsetattr(terminal.fd, termios.TCSANOW, terminal.before)  # as a shell does
    process.send_signal(signal.SIGCONT)
    support.wait_until(terminal.takes_keys, "keys are taken again")
    terminal.wait(shows("test_gated: line 4"), "the test prints")
    terminal.type(b"t")
    terminal.wait(shows("^    stdout: line 4$"), "what runs")
    (tmp_path / "gate").touch()
    assert process.wait(support.LIMIT) == 0
    assert termios.tcgetattr(terminal.fd) == terminal.before
    os.close(terminal.fd)


def test_in_the_background_keys_are_for_others(processes, tmp_path):
    terminal = Typist()
    words = shlex.join(map(str, gated(tmp_path)))
    script = f"set -m; {words} & job=$!; read -r word; echo \"read $word\"; touch gate; wait $job; echo status $?"
    process = terminal.run(["bash", "-c", script], cwd=tmp_path)
    processes.append(process)
    terminal.wait(shows("test_gated: line 4"), "the test prints")
    assert not terminal.takes_keys()
    terminal.type(b"quit\n")
    terminal.wait(shows("read quit", "status 0"), "the run goes on to its end")
    process.wait(support.LIMIT)
    os.close(terminal.fd)


def test_no_key_is_taken_while_a_channel_may_ask_for_a_password(processes, tmp_path):
    os.mkfifo(tmp_path / "answer")
    words = gated(tmp_path)
    at = words.index("--") + 1
    asks = ["sh", "-c", f"printf 'password: ' >&2; read -r answer < {tmp_path}/answer; exec \"$@\"", "sh"]
    terminal = Typist()
    process = terminal.run([*words[:at], *asks, *words[at:]], cwd=tmp_path)
    processes.append(process)
    terminal.wait(shows("password:"), "the question")
    assert not terminal.takes_keys()
    (tmp_path / "answer").write_text("secret\n")
    support.wait_until(terminal.takes_keys, "keys are taken")
    (tmp_path / "gate").touch()
    assert process.wait(support.LIMIT) == 0
    os.close(terminal.fd)


def test_what_comes_to_stdin_of_another_kind_is_not_read(tmp_path):
    (tmp_path / "gate").touch()
    with open(tmp_path / "typed", "w+b") as typed:
        typed.write(b"q\n")
        typed.seek(0)
        ended = support.finish(support.start(["run", "--format", "human", *gated(tmp_path)[2:]], cwd=tmp_path,
                                             stdin=typed))
        assert ended.status == 0 and typed.tell() == 0


# What others ask on the terminal


@pytest.mark.parametrize("channels", [1, 2])
def test_nothing_is_drawn_while_a_channel_may_ask_for_a_password(processes, tmp_path, channels):
    """ssh asks on the terminal for as long as nothing has come from the other end."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    ask = f"printf 'password: ' >&2; read -r answer < {gate}; exec \"$@\""
    asks = shlex.join(["sh", "-c", ask, "sh", *support.serving(*support.server("hang"))])
    others = (channels - 1) * ["--channel", shlex.join(support.serving(*support.server("hang")))]
    terminal = Terminal(columns=200)
    process = terminal.start([
        support.BINARY, "run", "--format", "human", *others, "--channel", asks,
    ])
    processes.append(process)
    terminal.wait(lambda screen: screen.lines == ["password:"], "the question")
    if others:
        support.wait_until(lambda: support.running(support.SERVER_PROCESS), "the other server")
    started = time.monotonic()  # the first one would come after 0.1 s
    support.wait_until(lambda: time.monotonic() > started + 0.5 and terminal.read(), "some time")
    assert (terminal.screen.lines, terminal.redraws) == (["password:"], 0)
    gate.write_text("secret\n")
    terminal.wait(lambda screen: "demo.test_2" in screen.lines[-1], "the status line")
    process.send_signal(signal.SIGINT)
    terminal.read_all()
    assert support.finish(process).status == 3


# The end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_status_line(processes, number):
    terminal = Terminal(columns=200)
    channel = support.serving(*support.server("hang"))
    process = terminal.start([support.BINARY, "run", "--format", "human", "--", *channel])
    processes.append(process)
    terminal.wait(lambda screen: "demo.test_2" in screen.lines[-1], "the test that hangs")
    process.send_signal(number)
    terminal.read_all()
    assert support.finish(process).status == 3
    assert terminal.screen.lines[-1] == "subunit-proxy: error: interrupted"
    assert all(line.startswith("subunit-proxy: ") for line in terminal.screen.lines)
