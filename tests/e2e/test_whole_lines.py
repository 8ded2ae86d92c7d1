"""Channels that pass on whole lines only, as Slurm's srun does, and many a script."""

import shlex

import pytest

import support
from support import client, message, proxy, python, server, serving

ALL = dict.fromkeys((f"demo.test_{number}" for number in range(5)), "success")

# Passes on whole lines at once, and keeps what has no line feed yet.
WHOLE_LINES = r"""
import os

def write(data):
    while data:
        data = data[os.write(1, data):]

kept = b""
while data := os.read(0, 65536):
    end = data.rfind(b"\n") + 1
    if end:
        write(kept + data[:end])
        kept = b""
    kept += data[end:]
write(kept)
"""


def by_lines(*command):
    """The command's stdin and stdout, by whole lines."""
    lines = shlex.join([support.PYTHON, "-c", WHOLE_LINES])
    return ["sh", "-c", f"{lines} | {shlex.join(command)} | {lines}"]


def assert_ran_all(ended):
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == ALL
    assert ended.stream.file(None, "channel") == b""


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--link", "armour"]], ids=str)
def test_a_run_over_a_channel_that_passes_on_whole_lines(options):
    channel = by_lines(*serving(*server("good"), options=options))
    assert_ran_all(client("--format", "subunit", channel=channel))


def test_a_run_through_a_tunnel_over_a_channel_that_passes_on_whole_lines():
    channel = [support.BINARY, "tunnel", "--", *by_lines(*serving(*server("good")))]
    assert_ran_all(client("--format", "subunit", channel=channel))


def test_a_proxy_behind_a_proxy_over_a_channel_that_passes_on_whole_lines():
    inner = by_lines(*serving(*server("good")))
    ended = client("--format", "subunit", channel=serving(*python("-c", DIAL, *inner)))
    assert ended.status == 0, ended.stderr
    assert ended.stream.statuses == ALL
    assert ended.stream.file(None, "noise") == b""


DIAL = """
import os, socket, subprocess, sys
from subunit_rpc import Attach, encode_message
host, _, port = os.environ["SUBUNIT_RPC_ADDRESS"].rpartition(":")
peer = socket.create_connection((host, int(port)))
peer.sendall(encode_message(Attach(os.environ["SUBUNIT_RPC_TOKEN"])))
sys.exit(subprocess.call(sys.argv[1:], stdin=peer, stdout=peer))
"""


def test_much_output_passes_over_a_channel_that_passes_on_whole_lines():
    """More than all buffers on the way hold, to a reader that is slower."""
    channel = by_lines(*serving(*server("flood")))
    ended = client("--format", "subunit", channel=channel)
    assert (ended.status, ended.stderr) == (0, "")
    direct = client("--format", "subunit", channel=serving(*server("flood")))
    assert ended.stream.statuses == direct.stream.statuses
    for name in ("stdout", "stderr"):
        assert ended.stream.all_output(name) == direct.stream.all_output(name)
    assert ended.stream.file(None, "channel") == b""


def test_what_serve_writes_ends_with_a_line_feed_whenever_nothing_more_is_to_come(serve):
    channel = serve("--", *server("good"))
    channel.send(message(msg="Hello", max=1, min=1) + b"\n")
    channel.wait_message(support.RPC, "Hello")
    for condition, what in [
        (channel.attached, "Attached"),
        (lambda: channel.run("run") or channel.wait_message(support.RPC, "Done"), "Done"),
        (lambda: channel.respawn("9") or channel.refused("9"), "Refused"),
    ]:
        condition()
        support.wait_until(lambda: channel.raw.endswith(b"\n"), f"a line feed behind {what}")
    assert channel.goodbye() == 0
    assert channel.raw.endswith(b"\n") and channel.stray == b"\n"


def test_a_client_that_ends_no_lines_gets_hardly_any_line_feeds(serve):
    channel = serve("--", *server("good"))
    channel.hello()
    for nonce in map(str, range(10)):
        channel.run(nonce)
        channel.wait_message(support.RPC, "Done", nonce=nonce)
    assert channel.goodbye() == 0
    feeds = channel.raw.count(b"\n\xb3") - 1  # before Ready; a packet may end with one of its own
    assert len(channel.packets) > 100 and feeds < 20


def test_what_a_client_writes_to_a_proxy_ends_with_line_feeds_that_are_no_noise(tmp_path):
    log = tmp_path / "log"
    channel = ["sh", "-c", f'tee {log} | "$@"', "sh", *serving(*server("good"))]
    ended = client("--format", "subunit", channel=channel)
    assert_ran_all(ended)
    written = log.read_bytes()
    assert written.endswith(b"\n")
    assert support.cut(bytearray(written), ends_lines=True)[1] == b""


def test_what_a_tunnel_writes_to_another_command_is_what_its_client_writes(tmp_path):
    log = tmp_path / "log"
    session = message(msg="Hello", max=1, min=1) + b"text" + message(msg="Goodbye")
    ended = proxy("tunnel", "--link", "raw", "--", "sh", "-c", f"cat > {log}", stdin=session)
    assert ended.status == 0
    assert log.read_bytes() == session
