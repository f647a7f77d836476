"""Measure the command line and the directory; printed beside an empty Python start.

Nothing here fails on a figure: it prints what was measured, next to what is hoped for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.addresses import address_costs
from bench.ansible import ansible_figures
from bench.directory import one_user_costs
from bench.fetchmail import fetching
from bench.filter import filter_costs
from bench.lookups import lookup_costs
from bench.measure import HEAD, Figure, command
from bench.queue import queue_costs
from bench.saving import domain_costs
from bench.sieve import costs as sieve_costs
from bench.throughput import throughput

ROOT = Path(__file__).resolve().parent.parent
COMMAND = str(ROOT / ".venv/bin/mailstead")
EXTRA_MODULES = 6  # with the four first-party ones: a ten-module instance


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="size of the large directory")
    parser.add_argument("--messages", type=int, default=100_000, help="in the mail queue")
    given = parser.parse_args()
    users = given.users
    folder = Path(tempfile.mkdtemp(prefix="mailstead-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        _command_line(folder)
        sizes = sorted({10, users})
        queue = queue_costs(folder, COMMAND, given.messages)
        addresses = address_costs(folder, users)
        mail, rules = throughput(folder / "throughput"), sieve_costs(folder / "sieve")
        fetched = fetching(folder / "fetching")
        people, domains = one_user_costs(folder, sizes), domain_costs(folder, sizes)
        filtering = filter_costs(folder / "filtering")
        lookups = lookup_costs(folder, *sizes)
        mails = (mail, rules, filtering, fetched)
        for lines in (people, addresses, lookups, domains, queue, *mails):
            print()
            for line in lines:
                print(line, flush=True)
    finally:
        shutil.rmtree(folder)


def _command_line(folder: Path) -> None:
    environment = _ten_modules(folder)
    instance = environment["MAILSTEAD_INSTANCE"]

    def run(*words: str) -> None:
        argv = [COMMAND, *words]
        subprocess.run(argv, env={**os.environ, **environment}, check=True, capture_output=True)

    run("init", "--sandbox", "--address", "127.61.7.3", "--port-offset", "21000")
    run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    run("enable", "--yes", "mail_retrieval", *(f"bench{n}" for n in range(EXTRA_MODULES)))
    run("save")
    try:
        print(HEAD)
        for figure in _figures(environment, run):
            print(figure.line(), flush=True)
        reload = ("doveadm", "-c", f"{instance}/etc/dovecot/dovecot.conf", "reload")
        for figure in ansible_figures(folder / "ansible", reload):
            print(figure.line(), flush=True)
        print(flush=True)
        argv = [sys.executable, "-m", "bench.saving", instance]
        subprocess.run(argv, env={**os.environ, **environment}, check=True, cwd=ROOT)
    finally:
        run("stop", "--yes")


def _figures(environment: dict[str, str], run: object) -> list[Figure]:
    assert callable(run)
    figures = [
        command("empty Python start", [sys.executable, "-c", "pass"]),
        command("mailstead --version (hoped: 150 cpu)", [COMMAND, "--version"], env=environment),
        command("mailstead status, ten modules (400 cpu)", [COMMAND, "status"], env=environment),
        command("mailstead save, nothing changed (300)", [COMMAND, "save"], env=environment),
    ]
    run("settings", "set", "bench0.options", "greeting=changed")
    figures.append(command("mailstead plan, one option changed (300)", [COMMAND, "plan"],
                           env=environment))  # fmt: skip
    run("discard", "--yes")
    run("settings", "set", "mail_retrieval.services", "pop3=no")
    figures.append(command("mailstead plan, Dovecot checks it (300)", [COMMAND, "plan"],
                           env=environment))  # fmt: skip
    run("discard", "--yes")
    return figures


def _ten_modules(folder: Path) -> dict[str, str]:
    """Make small modules and a distribution that names them; gives the environment to use."""
    packages = folder / "packages"
    points = ["[mailstead.plugins]"]
    for number in range(EXTRA_MODULES):
        name = f"bench{number}"
        package = packages / f"mailstead_bench{number}"
        (package / "templates").mkdir(parents=True)
        (package / "manifest.toml").write_text(
            f'id = "{name}"\napi = 1\ntitle = "{name}"\n'
            f'[[paths]]\npath = "/etc/{name}.conf"\nreason = "measures"\n'
        )
        (package / "__init__.py").write_text(
            "from mailstead.plugin import Module, Template, field, form, types\n\n\n"
            '@form(title="Options")\nclass Options:\n'
            '    greeting: types.Text = field(default="hello")\n\n\n'
            f'module = Module(sections=[Options], files=[Template("/etc/{name}.conf", "c.j2")])\n'
        )
        (package / "templates/c.j2").write_text("{{ options.greeting }}\n")
        points.append(f"{name} = mailstead_bench{number}")
    info = packages / "mailstead_bench-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mailstead-bench\nVersion: 1\n")
    (info / "entry_points.txt").write_text("\n".join(points) + "\n")
    return {"PYTHONPATH": str(packages), "MAILSTEAD_INSTANCE": str(folder / "instance")}


if __name__ == "__main__":
    main()
