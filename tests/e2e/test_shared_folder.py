"""Files that are written in a folder where others can write, too."""

import os

import pytest

import support
from support import client, says, server, serving

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="acting as another user takes root")
GOOD = serving(*server("good"))
SUITE = serving(*support.python("-m", "subunit_rpc", "noisy.friendly"))
OTHER = 65534
everyfile = pytest.mark.parametrize("option", ["--history", "--trace", "--schedule-log", "--junit", "--html"])


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def precious(tmp_path):
    """A file that nobody but us can write."""
    path = tmp_path / "precious"
    path.touch()  # empty: else the history would be refused for what is in it
    return path


def link(path, to, owner):
    path.symlink_to(to)
    os.chown(path, owner, owner, follow_symlinks=False)


def refused(ended, path, *words):
    assert ended.status in (2, 3)
    says(ended.stderr, "cannot write", str(path), *words)
    assert ended.stdout == b""


@everyfile
def test_a_link_of_another_user_is_not_followed(shared, precious, option):
    link(shared / "file", precious, OTHER)
    refused(client(option, shared / "file", channel=GOOD), shared / "file", "symbolic link", "another user")
    assert precious.read_bytes() == b""
    assert (shared / "file").is_symlink()


@everyfile
def test_nor_is_one_to_a_folder(shared, precious, option):
    link(shared / "folder", precious.parent, OTHER)
    path = shared / "folder" / "precious"
    refused(client(option, path, channel=GOOD), path, "symbolic link", "another user")
    assert precious.read_bytes() == b""


def test_nor_is_one_that_comes_during_the_run(shared, precious, tmp_path):
    suite = tmp_path / "late.py"
    suite.write_text(
        "import os, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_one(self):\n"
        f"        os.symlink({str(precious)!r}, {str(shared / 'file')!r})\n"
        f"        os.chown({str(shared / 'file')!r}, {OTHER}, {OTHER}, follow_symlinks=False)\n"
    )
    channel = serving(*support.python("-m", "subunit_rpc", "discover", "-s", str(tmp_path), "-p", "late.py"))
    ended = client("--format", "subunit", "--history", shared / "file", channel=channel)
    assert ended.status == 0
    says(ended.stderr, "cannot write the history", "symbolic link", "another user")
    assert precious.read_bytes() == b""
    assert [path.name for path in shared.iterdir()] == ["file"]


@everyfile
def test_links_of_our_own_are_followed(shared, precious, option):
    (shared / "file").symlink_to(precious)
    assert client(option, shared / "file", channel=SUITE).status == 1
    assert precious.read_bytes() != b""
    assert (shared / "file").is_symlink()


@everyfile
def test_links_of_others_are_followed_where_only_we_can_put_them(tmp_path, precious, option):
    link(tmp_path / "file", precious, OTHER)
    assert client(option, tmp_path / "file", channel=SUITE).status == 1
    assert precious.read_bytes() != b""


@pytest.mark.parametrize("option", ["--trace", "--schedule-log"])
def test_a_file_with_another_name_elsewhere_is_not_written(shared, precious, option):
    precious.write_bytes(b"precious")
    os.link(precious, shared / "file")
    refused(client(option, shared / "file", channel=GOOD), shared / "file", "hard link")
    assert precious.read_bytes() == b"precious"


def test_a_history_with_another_name_elsewhere_is_replaced_here_only(shared, precious):
    os.link(precious, shared / "file")
    assert client("--history", shared / "file", channel=SUITE).status == 1
    assert precious.read_bytes() == b""
    assert (shared / "file").read_bytes() != b""


@everyfile
def test_a_descriptor_in_proc_is_written(tmp_path, option):
    with open(tmp_path / "file", "w+b") as file:
        ended = client(option, f"/dev/fd/{file.fileno()}", channel=SUITE, pass_fds=[file.fileno()])
        assert ended.status == 1
        # A history is put in the place of a file, and this is no place.
        assert (os.fstat(file.fileno()).st_size > 0) == (option != "--history")
