"""The same work done by Ansible, where it is installed: for comparison, not for competition.

Twelve templated files, one value changed, one daemon reloaded by its own command: what a save
with one changed option does here, without plan, checks, journal, probes and undo.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Figure, command

FILES = 12
NOW = "{{ now(utc=True).timestamp() }}"
PLAYBOOK = "ansible-playbook"


def ansible_figures(folder: Path, reload: Sequence[str]) -> list[Figure]:
    """Measure a playbook with one value changed each time, and with none changed."""
    program = shutil.which(PLAYBOOK)
    if program is None:
        return []
    environment = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_HOME": str(folder / "home"),
                   "ANSIBLE_PYTHON_INTERPRETER": sys.executable}  # fmt: skip
    figures = []
    for name, value in (("one option changed", NOW), ("nothing changed", "same")):
        play = _playbook(folder / name.replace(" ", "-"), value, reload)
        argv = [program, "-i", "localhost,", "-c", "local", str(play)]
        figures.append(command(f"ansible-playbook, {name}", argv, runs=3, env=environment))
    return figures


def _playbook(folder: Path, first: str, reload: Sequence[str]) -> Path:
    (folder / "etc").mkdir(parents=True)
    tasks = []
    for number in range(FILES):
        value = first if number == 0 else str(number)
        (folder / f"{number}.j2").write_text(f"value = {value}\n" + "other = line\n" * 40)
        tasks.append({
            "name": f"file {number}",
            "ansible.builtin.template": {
                "src": str(folder / f"{number}.j2"), "dest": str(folder / f"etc/{number}.conf"),
                "mode": "0644",
            },
            "notify": "reload",
        })  # fmt: skip
    handler = {"name": "reload", "ansible.builtin.command": {"argv": list(reload)}}
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks, "handlers": [handler]}]
    path = folder / "play.json"  # JSON is YAML
    path.write_text(json.dumps(play))
    return path
