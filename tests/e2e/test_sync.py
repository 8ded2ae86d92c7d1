"""`run --push --sync`: the files of a tree, on a machine that has none of them."""

import fcntl
import os
from pathlib import Path
import shlex
import shutil
import subprocess
import time

import pytest

import support
from support import client, says
from test_push import files, filtered, home, programs, push, shell  # noqa: F401
from test_tunnel import SESSION, messages, packets_of

# What the tests themselves find.
SUITE = "echo 1..1; pwd >>\"$SEEN\"; [ -e wait ] && until [ -e \"$GATE\" ]; do sleep 0.1; done; echo ok 1 - there\n"
STATE = ".subunit-sync"


class Tree:
    """A working tree of git."""

    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", path], check=True)
        self.write("suite.sh", SUITE)

    def write(self, name, content, mode=0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)

    def add(self):
        subprocess.run(["git", "-C", self.path, "add", "-A"], check=True)


def content_of(folder):
    """All of it but what is git's or ours: by path, the permissions and the content, or where a
    link leads to."""
    found = {}
    for place, folders, names in os.walk(os.fsencode(folder)):
        if place == os.fsencode(folder):
            folders[:] = [name for name in folders if name not in (b".git", STATE.encode())]
        for name in names + [each for each in folders if os.path.islink(os.path.join(place, each))]:
            path = os.path.join(place, name)
            key = os.path.relpath(path, os.fsencode(folder))
            if os.path.islink(path):
                found[key] = os.readlink(path)
            else:
                with open(path, "rb") as file:
                    found[key] = (os.stat(path).st_mode & 0o7777, file.read())
        if not names and not folders and place != os.fsencode(folder):
            found[os.path.relpath(place, os.fsencode(folder))] = "an empty folder"
    return found


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "a tree")


@pytest.fixture
def sync(programs, tree, home, tmp_path):
    """Brings the tree and runs its test; returns how that ended, and where the test ran."""

    def run(*options, target=None, words=("sh",), channel=None, once=False):
        seen = tmp_path / "seen"
        seen.unlink(missing_ok=True)
        where = f"{tree.path}:{target}" if target else str(tree.path)
        settings = ["--env", f"SEEN={seen}", "--env", f"GATE={tmp_path / 'gate'}"]
        ended = push(programs, channel or shell(home, *words),
                     ["--adapter", "tap", "--", "sh", "suite.sh"],
                     *(["--push=once"] if once else []), "--sync", where, *settings, *options)
        places = set(seen.read_text().splitlines()) if seen.exists() else set()
        assert len(places) <= 1
        return ended, Path(places.pop()) if places else None

    return run


def assert_brought(ended, where, tree):
    assert ended.status == 0, ended.stderr
    assert "warning" not in ended.stderr
    assert content_of(where) == content_of(tree.path)


def counts(ended):
    """How many files were brought, and removed."""
    line = next(line for line in ended.stderr.splitlines() if "the files of" in line)
    return [int(word) for word in line.replace(",", "").split() if word.isdigit()]


def test_a_tree_is_brought_once_and_then_what_differs(tree, sync, home):
    tree.write("a b/c\nd", "1" * 100000, 0o755)
    tree.write(os.fsdecode(b"\xff\xfe"), os.urandom(300000))
    tree.write("empty", "")
    (tree.path / "link").symlink_to("../outside")
    (tree.path / "to folder").symlink_to("a b")
    tree.add()
    tree.write("untracked", "2")
    ended, where = sync()
    assert_brought(ended, where, tree)
    assert counts(ended) == [7, 0]
    assert where.parent == home / ".cache/subunit-proxy/trees" and where.name.startswith("a_tree-")
    ended, again = sync()
    assert again == where and counts(ended) == [0, 0]
    assert "to bring" not in ended.stderr  # not even the list
    tree.write("untracked", "3")
    ended, _ = sync()
    assert_brought(ended, where, tree)
    assert counts(ended) == [1, 0]


def test_what_has_changed_is_changed(tree, sync):
    for name in ("deleted/deep/file", "renamed", "mode", "link", "becomes folder", "becomes file/a",
                 "becomes link/a", "linked"):
        tree.write(name, name)
    (tree.path / "becomes plain").symlink_to("linked")
    (tree.path / "moved link").symlink_to("linked")
    ended, where = sync()
    assert_brought(ended, where, tree)
    tree.add()
    shutil.rmtree(tree.path / "deleted")
    (tree.path / "renamed").rename(tree.path / "new name")
    (tree.path / "mode").chmod(0o700)
    for name in ("becomes folder", "becomes plain", "moved link"):
        (tree.path / name).unlink()
    for name in ("becomes file", "becomes link"):
        shutil.rmtree(tree.path / name)
    tree.write("becomes folder/b/c", "4")
    tree.write("becomes file", "5")
    tree.write("becomes plain", "6")
    (tree.path / "becomes link").symlink_to("linked")
    (tree.path / "moved link").symlink_to("mode")
    ended, _ = sync()
    assert_brought(ended, where, tree)


def test_what_has_changed_there_is_brought_again_and_what_is_not_ours_stays(tree, sync):
    for name in ("a", "b/c", "mode", "same size"):
        tree.write(name, "content")
    ended, where = sync()
    (where / "a").write_text("longer content")
    (where / "same size").write_text("CONTENT")
    (where / "mode").chmod(0o777)
    shutil.rmtree(where / "b")
    (where / "own").write_text("x")
    (where / "__pycache__").mkdir()
    (where / "__pycache__/a.pyc").write_text("x")
    ended, _ = sync()
    assert ended.status == 0, ended.stderr
    found = content_of(where)
    assert {key for key in found if key not in content_of(tree.path)} == {b"own", b"__pycache__/a.pyc"}
    assert {key: found[key] for key in content_of(tree.path)} == content_of(tree.path)
    assert counts(ended) == [3, 0]


def test_files_of_git_only(tree, sync):
    tree.write(".gitignore", "*.o\n")
    tree.write("ignored.o", "x")
    tree.write("vendor/nested/file", "x")
    subprocess.run(["git", "init", "-q", tree.path / "vendor/nested"], check=True)
    ended, where = sync()
    assert ended.status == 0, ended.stderr
    assert files(where) == [".gitignore", "file", "index", "lock", "suite.sh"]
    assert (where / "vendor/nested/file").read_text() == "x"


def test_a_symbolic_link_that_leads_outside_is_not_followed(tree, sync, tmp_path):
    tree.write("folder/file", "tree")
    tree.write("file", "tree")
    ended, where = sync()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    shutil.rmtree(where / "folder")
    (where / "folder").symlink_to(outside)
    (where / "file").unlink()
    (where / "file").symlink_to(outside / "file")
    ended, _ = sync()
    assert_brought(ended, where, tree)
    shutil.rmtree(where / "folder")
    (where / "folder").symlink_to(outside)
    shutil.rmtree(tree.path / "folder")
    ended, _ = sync()
    assert ended.status == 0
    assert [path.read_text() for path in outside.iterdir()] == ["outside"]


def test_a_target_of_ones_own(tree, sync, home, tmp_path):
    ended, where = sync(target=tmp_path / "its: own" / "place")
    assert where == tmp_path / "its: own" / "place"
    assert_brought(ended, where, tree)
    ended, where = sync(target="work", words=("sh", "-c", f"cd {home}; exec sh"))
    assert where == home / "work"
    assert_brought(ended, where, tree)


def test_folders_of_options_are_those_of_the_tree(tree, sync):
    tree.write("tests/suite.sh", SUITE)
    ended, where = sync("--chdir", "tests")
    assert (ended.status, where.name) == (0, "tests"), ended.stderr
    ended, where = sync("--chdir", "none")
    assert (ended.status, where) == (3, None)
    says(ended.stderr, "none", "--chdir", "No such file")


def test_once_leaves_no_tree_behind(tree, sync, home):
    ended, where = sync(once=True)
    assert ended.status == 0, ended.stderr
    support.wait_until(lambda: not where.exists(), f"{where} has gone")
    assert files(home) == []


def test_a_console_carries_a_tree(tree, sync):
    tree.write("file", os.urandom(200000))
    ended, where = sync("--pty")
    assert_brought(ended, where, tree)
    tree.write("file", "small")
    ended, where = sync("--pty")
    assert_brought(ended, where, tree)


def test_a_transfer_that_is_cut_leaves_nothing_half_written_and_the_next_one_goes_on(
        tree, sync, home, programs, tmp_path):
    ended, where = sync()
    names = [f"file {number}" for number in range(20)]
    for name in names:
        tree.write(name, os.urandom(100000))
    tree.write("suite.sh", SUITE + "# changed\n")
    cut = "import os\nleft = 1000000\nwhile left > 0: data = os.read(0, 65536); left -= len(data); os.write(1, data)\n"
    ended, _ = sync(channel=shell(home, *filtered(cut)))
    assert ended.status == 3
    there = [name for name in names if (where / name).exists()]
    assert 2 <= len(there) < len(names)
    assert all((where / name).read_bytes() == (tree.path / name).read_bytes() for name in there)
    ended, _ = sync()
    assert_brought(ended, where, tree)
    assert counts(ended) == [len(names) + 1 - len(there), 0]


def test_what_a_cut_transfer_has_brought_goes_if_it_is_not_wanted_any_more(tree, sync, home):
    ended, where = sync()
    for number in range(20):
        tree.write(f"file {number}", os.urandom(100000))
    cut = "import os\nleft = 1000000\nwhile left > 0: data = os.read(0, 65536); left -= len(data); os.write(1, data)\n"
    sync(channel=shell(home, *filtered(cut)))
    for number in range(20):
        (tree.path / f"file {number}").unlink()
    ended, _ = sync()
    assert_brought(ended, where, tree)


def test_several_clients_with_one_tree_share_it(tree, home, programs):
    tree.write("file", os.urandom(2000000))
    channel = shlex.join(map(str, [*shell(home), "--", "--adapter", "tap", "--", "sh", "suite.sh"]))
    ended = support.proxy("run", "--push", "--push-from", programs, "--sync", tree.path,
                          "--env", "SEEN=/dev/null", *["--channel", channel] * 3)
    assert ended.status == 0, ended.stderr


def test_another_tree_waits_until_the_tests_have_ended(tree, sync, tmp_path, programs, home):
    tree.write("wait", "")
    target = tmp_path / "shared"
    first = support.start(["run", "--push", "--push-from", programs, "--sync", f"{tree.path}:{target}",
                           "--env", f"SEEN={tmp_path / 'begun'}", "--env", f"GATE={tmp_path / 'gate'}",
                           "--", *shell(home), "--", "--adapter", "tap", "--", "sh", "suite.sh"])
    try:
        support.wait_until(lambda: (tmp_path / "begun").exists(), "the test runs")
        tree.write("more", "x")
        ended, where = sync(target=target)
        assert (ended.status, where) == (3, None)
        says(ended.stderr, "another client's tests are running in", str(target), "DIR:TARGET")
        assert not (target / "more").exists()
    finally:
        (tmp_path / "gate").touch()
        assert support.finish(first).status == 0


def test_a_full_disk_is_told(tree, sync, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mount = f"mount -t tmpfs -o size=300k none {full} && exec sh"
    tree.write("large", os.urandom(1000000))
    ended, where = sync(target=full / "tree", words=("unshare", "-rm", "sh", "-c", mount))
    assert (ended.status, where) == (3, None)
    says(ended.stderr, "large", str(full / "tree"), "No space left on device")


def test_a_folder_that_nobody_can_write_to_is_told(tree, sync):
    ended, where = sync(target="/proc/self/tree")
    assert (ended.status, where) == (3, None)
    says(ended.stderr, "/proc/self/tree", "No such file", "DIR:TARGET")


def test_a_folder_with_files_of_others_does_not_become_a_file(tree, sync):
    tree.write("name/file", "x")
    ended, where = sync()
    (where / "name/own").write_text("x")
    shutil.rmtree(tree.path / "name")
    tree.write("name", "x")
    ended, _ = sync()
    assert ended.status == 3
    says(ended.stderr, "name", "that --sync has not brought", "remove it")
    (where / "name/own").unlink()
    ended, _ = sync()
    assert_brought(ended, where, tree)


def test_what_is_no_tree_of_git_is_told(tree, sync, tmp_path):
    shutil.rmtree(tree.path / ".git")
    ended, where = sync()
    assert (ended.status, where) == (3, None)
    says(ended.stderr, "--sync", str(tree.path), "not a git repository", "git init")


def test_sync_needs_push(tree, home):
    ended = client("--sync", tree.path, channel=["true"])
    assert ended.status == 2
    says(ended.stderr, "--sync needs --push")
    ended = client("--push", "--sync", ":x", channel=["true", "--", "true"])
    assert ended.status == 2
    says(ended.stderr, "DIR:TARGET")


def test_ten_thousand_files_that_are_there_take_no_time(tree, sync):
    for number in range(10000):
        tree.write(f"folder {number // 100}/{number}", f"{number}\n" * 30)
    ended, where = sync()
    assert_brought(ended, where, tree)
    began = time.monotonic()
    ended, _ = sync()
    assert counts(ended) == [0, 0] and time.monotonic() - began < 20


def test_a_tunnel_brings_a_tree_too(tree, home, programs, tmp_path):
    tree.write("file", os.urandom(300000))
    channel = [support.BINARY, "tunnel", "--push", "--push-from", programs,
               "--sync", f"{tree.path}:{tmp_path / 'there'}", "--env", "SEEN=/dev/null", "--",
               *shell(home), "--", "--adapter", "tap", "--", "sh", "suite.sh"]
    ended = client("--format", "subunit", channel=channel)
    assert_brought(ended, tmp_path / "there", tree)


def test_a_client_that_does_not_wait_for_ready_waits_for_the_tree(tree, home, programs, tmp_path):
    tree.write("file", os.urandom(300000))
    there = f"{tree.path}:{tmp_path / 'there'}"
    ended = support.proxy("tunnel", "--push", "--push-from", programs, "--sync", there, "--env",
                          "SEEN=/dev/null", "--", *shell(home), "--", "--adapter", "tap", "--", "sh",
                          "suite.sh", stdin=SESSION)
    assert_brought(ended, tmp_path / "there", tree)
    assert messages(packets_of(ended.stdout)) == ["Ready", "Attached", "Hello", "Done", "Detached"]


def test_a_file_that_changes_before_its_turn_is_not_sent_in_its_place(tree, programs, home, tmp_path):
    """While somebody else brings files to the same folder, which one waits for."""
    tree.write("file", "as it was listed")
    target = tmp_path / "shared"
    (target / STATE).mkdir(parents=True)
    stderr = tmp_path / "stderr"
    with (target / STATE / "lock").open("w") as lock, stderr.open("w") as to:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = support.start(["run", "--push", "--push-from", programs, "--sync", f"{tree.path}:{target}",
                                 "--", *shell(home), "--", "--adapter", "tap", "--", "sh", "suite.sh"],
                                stderr=to)
        support.wait_until(lambda: "waiting for it" in stderr.read_text(), "the client waits")
        tree.write("file", "as it is by now.")
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert support.finish(process).status == 3
    says(stderr.read_text(), "cannot bring the files of", "file has changed", "start again")
    assert not (target / "file").exists()
