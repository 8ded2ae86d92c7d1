"""`run` with more than one channel: how they are named, and that all of them are used."""

import shlex

import pytest

from support import proxy, server, serving

DEMO = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def channel(tmp_path):
    """A channel in one word, whose server leaves a file of this name and starts with the others.

    The proxies of all channels are up by then: no run ends before that.
    """

    def make(name, *others):
        files = shlex.join(str(tmp_path / other) for other in others)
        wait = f"for file in {files}; do until [ -e $file ]; do sleep 0.01; done; done"
        script = f'touch {shlex.quote(str(tmp_path / name))}; {wait}; exec "$@"'
        return shlex.join(serving("sh", "-c", script, "sh", *server("good")))

    return make


def run(*arguments):
    return proxy("run", "--format", "subunit", *arguments)


def assert_ran_all(ended):
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(DEMO, "success")


def test_a_channel_in_one_word_is_split_as_a_shell_does_it(channel, tmp_path):
    assert_ran_all(run("--channel", channel("two words")))
    assert (tmp_path / "two words").exists()


def test_tests_can_be_named_beside_it(channel):
    ended = run("--channel", channel("a"), "demo.test_1")
    assert ended.stream.statuses == {"demo.test_1": "success"}


def test_several_channels_share_the_tests(channel, tmp_path):
    assert_ran_all(run("--channel", channel("a", "b"), "--channel", channel("b", "a")))
    assert (tmp_path / "a").exists() and (tmp_path / "b").exists()


def test_channels_from_a_file_are_one_a_line(channel, tmp_path):
    channels = tmp_path / "channels"
    a, b, c = channel("a", "b", "c"), channel("b", "a", "c"), channel("c", "a", "b")
    long = c.replace(" ", " \\\n  ", 1)
    channels.write_text(f"# machines\n\n{a}\r\n  {b}  # slow\n{long}")
    assert_ran_all(run("--channels-from", channels))
    assert all((tmp_path / name).exists() for name in "abc")


def test_both_options_can_be_given(channel, tmp_path):
    (tmp_path / "channels").write_text(channel("b", "a"))
    assert_ran_all(run("--channel", channel("a", "b"), "--channels-from", tmp_path / "channels"))
    assert (tmp_path / "a").exists() and (tmp_path / "b").exists()
