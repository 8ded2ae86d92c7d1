"""A project of a test tool, testr or stestr, in a directory of its own."""

import os
from pathlib import Path
import shlex
import subprocess

import support


class Project:
    def __init__(self, directory, tool, settings=None):
        self.directory = directory
        self._tool = tool
        # Under the name that people type.
        path = f"{Path(support.BINARY).parent}:{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, **(settings or {})}
        self.channels = directory / "channels"  # gets a line for each channel that was opened

    def configure(self, name, *lines):
        (self.directory / name).write_text("\n".join(("[DEFAULT]", *lines)) + "\n")

    def channel(self, *command):
        """A channel to a test server, as a line of a configuration."""
        script = f'echo >>{self.channels}; exec "$@"'
        words = ["sh", "-c", script, "sh", "subunit-proxy", "serve", "--", *command]
        return shlex.join(words).replace("%", "%%")

    @property
    def opened(self):
        """How many channels were opened until now."""
        return len(self.channels.read_text().splitlines()) if self.channels.exists() else 0

    def run(self, *command, **options):
        """Any command, in the project's directory."""
        for name in ("stdout", "stderr"):
            options.setdefault(name, subprocess.PIPE)
        process = subprocess.Popen(
            list(map(str, command)), cwd=self.directory, env=self._environment,
            stdin=options.pop("stdin", subprocess.DEVNULL), **options,
        )
        return support.finish(process)

    def tool(self, *arguments):
        return self.run(self._tool, *arguments)

    @property
    def last(self):
        """The stream of the last run, from the tool's repository."""
        return self.tool("last", "--subunit").stream
