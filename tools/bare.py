"""The two commands of the README on a bare machine: a minimal Debian or Ubuntu with git and Python, and nothing else.

Run as root, with debootstrap and unshare: `python -m tools.bare [RELEASE[=MIRROR] ...] [-- ARGUMENTS FOR PYTEST]`.

Each release gets a root in a temporary folder, with two clones of the committed files. Both commands run as an ordinary
user on the bare system, as root, who may install, and as the ordinary user of that machine. It prints one line a step.
The status is 1 if a step failed; a command that ends by naming the packages to install has not failed.

Every command has namespaces of its own for mounts and processes, so that nothing outlasts it; processes that still ran
at its end are named. The network and the configuration of the package managers are the machine's.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent.parent

RELEASES = {"Debian": ["bookworm", "trixie"], "Ubuntu": ["resolute"]}

MUST_INSTALL = 69
"""The status of a script that names packages to install; see `die` in scripts/setup.sh."""

PATIENCE = 90 * 60
"""Seconds that a command may take."""

VARIABLES = re.compile(
    r"(?i:https?|no|all)_proxy|(?i:npm_config)_\w+|PIP_(?!FIND_LINKS)\w+|GO(PROXY|FLAGS|SUMDB|NOSUMDB|INSECURE)"
    r"|CARGO_(HTTP|NET|REGISTR)\w+|MAVEN_\w+|BUNDLE_\w+|JAVA_TOOL_OPTIONS|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|\w+_CA_BUNDLE"
)
CONFIGURATION = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/npmrc", "/usr/etc/npmrc"),
    *("~/.npmrc", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "~/.config/go/env", "~/.cargo/config.toml"),
    *("~/.m2/settings.xml", "~/.bundle/config", "~/.gemrc"),
)


class Outcome(NamedTuple):
    """The outcome of a command."""

    status: int
    verdict: str
    """The text of its line."""
    output: str = ""
    """All that it said, for a failure."""


class Root:
    """A minimal system in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        named = [os.environ[name] for name in os.environ if re.fullmatch(r"SSL_CERT_FILE|.*_CA_\w+", name)]
        # Debian makes the file that is named of these, as soon as the package that does so comes.
        local = map(str, Path("/usr/local/share/ca-certificates").glob("*.crt"))
        for name in {*CONFIGURATION, *named, *local}:
            for home in ("/root", "/home/person"):
                source, copy = Path(name).expanduser(), folder / name.replace("~", home, 1).lstrip("/")
                if source.is_file():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, copy)
        run("chroot", folder, "useradd", "--shell", "/bin/sh", "--home-dir", "/home/person", "person")
        for home in ("root", "home/person"):
            run("git", "clone", "--quiet", "--no-hardlinks", HERE, folder / home / "fulgurite")
        run("chroot", folder, "chown", "--recursive", "person:person", "/home/person")

    @contextmanager
    def running(self, user: str, command: str, *, stdout: int, stderr: int) -> Iterator[subprocess.Popen[str]]:
        """Run a command in a user's clone; it has ended when the context is left, with all that it started."""
        home = "/root" if user == "root" else f"/home/{user}"
        variables = {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)}
        variables |= {"HOME": home, "USER": user, "LANG": "C.UTF-8", "TERM": "dumb"}
        variables["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        root = shlex.quote(str(self.folder))
        # The outer shell is the first process of its namespace: all others end with it, and `/proc` has no others.
        script = f"""
            mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc || exit
            chroot --userspec={user}:{user} {root} sh -c {shlex.quote(f"cd ~/fulgurite && {command}")}
            status=$?
            for each in {root}/proc/[0-9]*; do
                line=$(tr '\\0' ' ' <"$each/cmdline" 2>/dev/null)
                case $each in */proc/$$) ;; *) [ ! "$line" ] || echo "left running: $line" >&2 ;; esac
            done
            exit $status"""
        isolated = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        process = subprocess.Popen(
            (*isolated, "sh", "-c", script), env=variables, start_new_session=True, text=True,
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def play(self, user: str) -> Outcome:
        """Start the playground, ask it for its page and end it as Ctrl-C does."""
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as errors:
            command = "exec scripts/play --no-browser --port 0 --json"
            with self.running(user, command, stdout=subprocess.PIPE, stderr=errors.fileno()) as process:
                assert process.stdout is not None
                if line := process.stdout.readline():
                    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
                    with urllib.request.build_opener(cookies).open(json.loads(line)["plain_url"], timeout=60) as page:
                        is_page = b"<title>Fulgurite" in page.read()
                    took = time.monotonic() - began
                    os.killpg(process.pid, signal.SIGINT)
                    status = process.wait(60)
                    if is_page and status in (0, 130):
                        return Outcome(0, f"answered after {took:.0f} s")
                status = process.wait(60)
            errors.seek(0)
            said = errors.read()
            return Outcome(status or 1, last_line(said), said)

    def test(self, user: str, arguments: list[str]) -> Outcome:
        """Run the tests."""
        command = f"exec scripts/test {shlex.join(arguments)}"
        with self.running(user, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            said, _ = process.communicate(timeout=PATIENCE)
        left = [line for line in said.splitlines() if line.startswith("left running: ")]
        failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR", "SKIPPED"))]
        return Outcome(process.returncode or bool(left), "\n    ".join([last_line(said), *failed, *left]), said)


def run(*command: str | Path) -> None:
    """Run a command that says nothing unless it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with status {done.returncode}: {done.stdout[-2000:]}{done.stderr}"


def last_line(text: str) -> str:
    lines = [line.strip("= ") for line in text.splitlines() if line.strip() and not line.startswith("left running: ")]
    return lines[-1] if lines else "said nothing"


def mirrors() -> dict[str, str]:
    """The archives that apt on this machine is configured for, by whose they are."""
    command = ("apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages")
    lines = [line.split() for line in subprocess.check_output(command, text=True).splitlines()]
    return {line[0]: line[2] for line in reversed(lines) if len(line) == 3 and line[0] == line[1]}


def make(release: str, mirror: str, folder: Path) -> Root:
    """Make a root of a release in a new folder."""
    arguments = ("debootstrap", "--variant=minbase", "--include=git,python3", release, str(folder), mirror)
    # It mounts there, and unmounts as far as it can.
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *arguments)
    return Root(folder)


def examine(release: str, mirror: str, folder: Path, arguments: list[str]) -> bool:
    """Take all steps with a release; returns whether none failed."""
    began = time.monotonic()
    root = make(release, mirror, folder)
    print(f"{release}: made in {time.monotonic() - began:.0f} s", flush=True)
    passed = True
    for user, is_installed in (("person", False), ("root", True), ("person", True)):
        steps: dict[str, Callable[[], Outcome]] = {
            "scripts/play": lambda user=user: root.play(user),  # type: ignore[misc]  # mypy infers no default of a lambda
            "scripts/test": lambda user=user: root.test(user, arguments),  # type: ignore[misc]
        }
        for name, step in steps.items():
            outcome = step()
            must_install = outcome.status == MUST_INSTALL and not is_installed
            became = "passed" if outcome.status == 0 else "needs something" if must_install else "FAILED"
            print(f"{release}, {user}, {name}: {became}: {outcome.verdict}", flush=True)
            if became == "FAILED":
                print(outcome.output[-10_000:], flush=True)
                passed = False
    return passed


def main(arguments: list[str]) -> bool:
    """Examine the releases that were asked for, or all that can be had here; returns whether nothing failed."""
    asked, _, for_pytest = (" ".join(map(shlex.quote, arguments)) + " ").partition("-- ")
    known = mirrors()
    wanted: dict[str, str] = {}
    for given in shlex.split(asked):
        release, _, mirror = given.partition("=")
        origin = next((origin for origin in RELEASES if release in RELEASES[origin]), "")
        wanted[release] = mirror or known.get(origin, "")
    if not wanted:
        wanted = {release: known.get(origin, "") for origin in RELEASES for release in RELEASES[origin]}
    passed = True
    for release, mirror in wanted.items():
        if not mirror:
            print(f"{release}: cannot be had here: apt knows no archive of it; {release}=MIRROR names one")
            continue
        with tempfile.TemporaryDirectory(prefix="fulgurite-bare-") as folder:
            passed &= examine(release, mirror, Path(folder) / release, shlex.split(for_pytest))
    return passed


if __name__ == "__main__":
    if os.geteuid() or not shutil.which("debootstrap") or not shutil.which("unshare"):
        sys.exit("Run this as root, with debootstrap and unshare (on Debian: apt-get install debootstrap util-linux).")
    # As in tests/conftest.py: started in the background, a shell has this ignore Ctrl-C, and `play` would, too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(not main(sys.argv[1:]))
