"""Completion of command lines in the shells themselves: what is typed, with tabs, is what the program gets."""

import os
import shutil
import subprocess

import pytest

import support

# A shell in which nothing is set up, and how it is told of the completion.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source ./script"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -D; source ./script"),
    "fish": (["fish", "--no-config", "-i"], "source ./script"),
}

CASES = {
    "ru\t": ["run"],
    "run --isol\t": ["run", "--isolated"],
    "run --format hu\t": ["run", "--format", "human"],
    "run --color=alw\t": ["run", "--color=always"],
    "run --push=o\t": ["run", "--push=once"],
    "serve --adapter cat\t": ["serve", "--adapter", "catch2"],
    "wrap --log-level w\t": ["wrap", "--log-level", "warning"],
    # Files, and folders only.
    "run --load-list two\t": ["run", "--load-list", "two words.txt"],
    "testr --push-from fo\t": ["testr", "--push-from", "folder"],
    # Neither is a test id or an expression.
    "run --match two\t": ["run", "--match", "two"],
    # The command of a channel, and its own arguments.
    "run -- my-chan\t two\t": ["run", "--", "my-channel", "two words.txt"],
    "run --format human -- my-channel --form\t": ["run", "--format", "human", "--", "my-channel", "--form"],
}


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, tmp_path_factory):
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "bin").mkdir()
    for name in ("subunit-proxy", "my-channel"):
        program = folder / "bin" / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$GOT.part"; mv "$GOT.part" "$GOT"\n')
        program.chmod(0o755)
    (folder / "work/folder").mkdir(parents=True)
    for name in ("work/two words.txt", "work/format"):
        (folder / name).touch()
    told = subprocess.run([support.BINARY, "completion", request.param], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    (folder / "work/script").write_text(told.stdout)
    return folder, *SHELLS[request.param]


@pytest.mark.parametrize("typed, words", CASES.items(), ids=[each.replace("\t", "…") for each in CASES])
def test_what_is_typed_with_tabs_is_completed(shell, console, processes, tmp_path, typed, words):
    folder, command, setting = shell
    environment = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "TERM": "vt100",
        "LANG": "C.UTF-8", "GOT": str(tmp_path / "got"), support.MARK: os.environ[support.MARK],
    }
    process = console.start(command, cwd=folder / "work", env=environment)
    processes.append(process)
    os.write(console.fd, f"{setting}; echo re''ady\n".encode())
    console.read_until(b"ready")
    os.write(console.fd, f"subunit-proxy {typed}\n".encode())
    support.wait_until((tmp_path / "got").exists, "a start of the program")
    # zsh takes away the slash that it has put behind a folder when the line ends there.
    got = [word.rstrip("/") for word in (tmp_path / "got").read_text().splitlines()]
    assert got == words, console.read()
    os.write(console.fd, b"exit\n")
    assert process.wait(support.LIMIT) == 0


def test_another_shell_is_bad_usage():
    for words in [[], ["tcsh"], ["bash", "zsh"]]:
        told = support.proxy("completion", *words)
        assert told.status == 2
        support.says(told.stderr, "bash, zsh or fish")
