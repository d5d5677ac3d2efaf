"""The Python environments of the peers, made once and kept: one for PyTorch's, one for JAX's."""

import os
import pathlib
import subprocess
import sys

TORCH = "torch==2.13.0+cpu"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


class Unavailable(Exception):
    """A peer that cannot be run here, and why."""


class Environments:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.failures = {}

    def python(self, peer):
        """The interpreter that has the peer's packages; Unavailable where they cannot be had."""
        if peer.environment == "torch":
            self._install("torch", TORCH, TORCH_INDEX)
        for package in peer.packages:
            self._install(peer.environment, package)
        return str(self._home(peer.environment) / "bin" / "python")

    def _home(self, environment):
        return self.folder / environment

    # A package is marked only when it is whole, so that an interrupted installation is taken up
    # again; a failed one is not tried again for the next peer.
    def _install(self, environment, package, other_index=None):
        mark = self._home(environment) / "installed" / package
        if mark.exists():
            return
        if package not in self.failures:
            self.failures[package] = self._fetch(environment, package, other_index)
        if self.failures[package]:
            raise Unavailable(f"{package} cannot be installed: {self.failures[package]}")
        mark.parent.mkdir(exist_ok=True)
        mark.touch()

    def _fetch(self, environment, package, other_index):
        """What went wrong, or nothing."""
        print(f"compare: installing {package}", file=sys.stderr)
        home = self._home(environment)
        if not (home / "bin" / "pip").exists():
            problem = last_line_of(sys.executable, "-m", "venv", str(home))
            if problem:
                return problem
        pip = (
            str(home / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        )
        problem = last_line_of(*pip, package)
        if problem and other_index:
            problem = last_line_of(*pip, "--index-url", other_index, package)
        return problem


def last_line_of(*command):
    """The last thing that a failing command says; nothing where it succeeds."""
    done = subprocess.run(
        command, capture_output=True, text=True, env=dict(os.environ, PIP_NO_INPUT="1")
    )
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1].strip() if lines else f"exit status {done.returncode}"
