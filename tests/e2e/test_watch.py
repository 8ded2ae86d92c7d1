"""`serve` and a client that watches: what Alive says, and the lease."""

import time

import support
from support import PROXY, RPC, by_worker, message, says, server, wait_until


# Alive


def test_alive_says_what_each_server_does_and_what_it_costs(serve):
    start = time.monotonic()
    channel = serve("--workers", "3", "--", *by_worker("good", {1: "hang", 2: "burn"}))
    channel.watch(interval=0.1)
    channel.hello("0", "1", "2")
    idle = channel.alive(lambda servers: len(servers) == 3, "three servers")
    assert all("test" not in each for each in idle.values())
    channel.run(to="1")
    channel.run(to="2")
    busy = channel.alive(
        lambda servers: [servers[route].get("test") for route in "012"]
        == [None, "demo.test_2", "demo.test_2"],
        "both in their third test",
    )
    later = channel.alive(
        lambda servers: servers["2"]["cpu"] > busy["2"]["cpu"] + 0.5, "CPU time is used"
    )
    assert later["0"]["cpu"] - busy["0"]["cpu"] < 0.2
    assert later["1"]["cpu"] - busy["1"]["cpu"] < 0.2
    for route in "012":
        assert busy[route]["for"] <= later[route]["for"] < time.monotonic() - start
    assert later["1"]["for"] > 0.3
    channel.process.terminate()
    channel.exit_status()


def test_alive_counts_from_the_end_of_the_last_test(serve):
    channel = serve("--", *server("good"))
    channel.watch(interval=0.05)
    channel.hello()
    channel.alive(lambda servers: servers and servers[None]["for"] > 3, "idle for a while")
    channel.run()
    channel.wait_message(RPC, "Done", nonce="run")
    channel.alive(lambda servers: servers[None]["for"] < 3, "not idle for so long")
    assert channel.goodbye() == 0


def test_the_cpu_time_of_children_that_have_ended_counts(serve, tmp_path):
    burn = "i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done"
    command = f"sh -c '{burn}'; times >{tmp_path}/times; exec {' '.join(server('good'))}"
    channel = serve("--", "sh", "-c", command)
    channel.watch(interval=0.05)
    channel.hello()
    servers = channel.alive(lambda servers: servers, "a server")
    # The first line has the shell's own, in user mode and in the kernel; the second its children's.
    minutes, seconds = (tmp_path / "times").read_text().splitlines()[1].split()[0][:-1].split("m")
    used = 60 * int(minutes) + float(seconds)
    assert servers[None]["cpu"] >= used > 0.1
    assert channel.goodbye() == 0


def test_of_a_server_that_somebody_else_started_the_cpu_time_is_unknown(serve, processes):
    from test_workers import listening_server

    channel = serve("--connect", listening_server(processes, "good"))
    channel.watch(interval=0.05)
    channel.hello()
    servers = channel.alive(lambda servers: servers, "a server")
    assert "cpu" not in servers[None] and "for" in servers[None]
    assert channel.goodbye() == 0


def test_nobody_is_told_who_does_not_watch(serve):
    channel = serve("--", *server("good"))
    channel.run_all()
    assert channel.goodbye() == 0
    assert channel.messages(PROXY, "Alive") == []


def test_watch_is_heard_before_any_server_is_there(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    channel.watch(interval=0.05)
    assert channel.alive(lambda servers: True, "an Alive") == {}
    gate.touch()
    channel.run_all()
    assert channel.goodbye() == 0


def test_alive_is_not_queued_while_nobody_reads(serve):
    channel = serve("--", *server("--count", "3", "big-attachment", "64"))
    channel.watch(interval=0.05)
    channel.hello()
    channel.stop_reading()
    start = time.monotonic()
    channel.run()
    pid = channel.attached()["pid"]
    wait_until(lambda: support.is_blocked(pid), "the server's writes block")
    said = len(channel.messages(PROXY, "Alive"))
    before = (time.monotonic() - start) / 0.05  # as many may be under way
    end = time.monotonic() + 2  # forty intervals
    wait_until(lambda: time.monotonic() > end, "time passes")
    channel.start_reading()
    channel.wait_message(RPC, "Done", nonce="run")
    in_the_way = [p for p in channel.packets if p.message and p.message["msg"] == "Alive"][said:]
    early = [p for p in in_the_way if p.message["servers"][0].get("for", 0) < 1.5]
    assert len(early) < before + 10
    assert channel.goodbye() == 0


# The lease


def test_without_a_word_from_the_client_within_its_lease_all_ends(serve):
    channel = serve("--workers", "2", "--", *server("orphan"))
    channel.hello("0", "1")
    channel.run_at("0", "1")
    channel.watch(interval=0.1, lease=0.7)
    assert channel.exit_status() == 3
    says(channel.stderr, "lease", "0.7 s")


def test_any_byte_renews_the_lease(serve):
    channel = serve("--", *server("good"))
    channel.watch(interval=0.05, lease=8)
    channel.hello()
    end = time.monotonic() + 12
    for count in range(2, 200):
        channel.wait(lambda: len(channel.messages(PROXY, "Alive")) > 10 * count, "ten Alives")
        channel.send(b"\n")
        if time.monotonic() > end:
            break
    channel.run()
    channel.wait_message(RPC, "Done", nonce="run")
    assert channel.goodbye() == 0


def test_the_lease_waits_while_serve_itself_does_not_listen(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    channel.watch(interval=0.05, lease=4)
    end = time.monotonic() + 6
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    channel.wait(lambda: channel.messages(PROXY, "Alive") and time.monotonic() > end, "six seconds")
    gate.touch()  # until now the Run had to wait, and everything behind it
    channel.wait_message(RPC, "Done", nonce="run")
    assert channel.exit_status() == 3
    says(channel.stderr, "lease")


def test_a_hung_server_does_not_outlive_the_lease(serve):
    channel = serve("--grace", "3", "--", *server("hang-ignoring-term"))
    channel.hello()
    channel.run()
    channel.wait_status("demo.test_2", "inprogress")
    channel.watch(interval=0.1, lease=0.5)
    assert channel.exit_status() == 3
