"""Asking the configuration that Postfix runs on: postconf(1), postmap(1), master(5).

Parameters are those of one service: main.cf and what master.cf sets for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from mailstead.plugin import Machine, MachineError, Path

SEPARATORS = ", \t\r\n"
_HEAD = 8  # columns of master.cf; the last is the command


class LookupFailed(MachineError):
    """A map could not be asked: Postfix answers 451 then."""


@attrs.frozen
class Found:
    """What a map gave for a key."""

    map: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.map} for {self.key}"


@attrs.frozen
class Live:
    """A Postfix service as it is configured now; what was asked once is known.

    ``main`` is main.cf, and ``master`` what master.cf sets, by ``service/type/parameter``.
    """

    machine: Machine
    config: Path
    service: str
    values: Mapping[str, str]
    known: dict[tuple[str, str], str | None] = attrs.field(factory=dict)
    main: Mapping[str, str] = attrs.field(factory=dict)
    master: Mapping[str, str] = attrs.field(factory=dict)

    def of(self, service: str) -> Live:
        """Give another service of it, such as ``cleanup/unix``."""
        values = _values_of(self.main, self.master, service)
        return attrs.evolve(self, service=service, values=values)

    def value(self, name: str) -> str:
        """Give a parameter, expanded; empty when there is none."""
        return self.values.get(name, "")

    def words(self, name: str) -> tuple[str, ...]:
        """Give a parameter that is a list."""
        return split_words(self.value(name))

    def is_on(self, name: str) -> bool:
        """Tell whether a parameter is ``yes``."""
        return self.value(name) == "yes"

    def find(self, maps: Sequence[str], keys: Sequence[str]) -> Found | None:
        """Look keys up, the first key first, in each map. Raises LookupFailed."""
        answers = [(name, self.ask(name, keys)) for name in maps]
        for key in keys:
            for name, answer in answers:
                if key in answer:
                    return Found(name, key, answer[key])
        return None

    def ask(self, name: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Give what a map has for keys. Raises LookupFailed.

        As the user that Postfix's daemons are: what they may not read is no answer.
        """
        new = [key for key in keys if (name, key) not in self.known]
        if new:
            self.known.update({(name, key): None for key in new} | self._postmap(name, new))
        answers = ((key, self.known[name, key]) for key in keys)
        return {key: value for key, value in answers if value is not None}

    def _postmap(self, name: str, keys: Sequence[str]) -> dict[tuple[str, str], str | None]:
        argv = (*self._as_daemons(), "postmap", "-c", str(self.config), "-q", "-", name)
        done = self.machine.run(argv, stdin="".join(f"{key}\n" for key in keys))
        if done.stderr.strip():
            raise LookupFailed(done.stderr.strip(), where=name)
        pairs = (line.partition("\t") for line in done.stdout.splitlines())
        return {(name, key): value for key, _, value in pairs}

    def _as_daemons(self) -> tuple[str, ...]:
        owner = self.value("mail_owner")
        ids = self.machine.user(owner)
        if ids is None:
            raise MachineError("there is no such user", where=f"mail_owner = {owner}")
        uid, gid = ids
        return ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--")

    def is_listed(self, name: str, domain: str) -> bool:
        """Tell whether a list of domains has one: names, and maps in which they are keys."""
        words = self.words(name)
        if domain in (word for word in words if ":" not in word):
            return True
        return self.find([word for word in words if ":" in word], (domain,)) is not None


def read_live(machine: Machine, config: Path, port: int) -> Live | None:
    """Give the smtpd(8) that listens on a port; ``None`` when none does. Raises MachineError."""
    service = _service_on(machine, config, port)
    if service is None:
        return None
    main = dict(_settings(_postconf(machine, config, "-x")))
    master = dict(_settings(_postconf(machine, config, "-Px")))
    values = _values_of(main, master, f"{service}/inet")
    return Live(machine, config, service, values, main=main, master=master)


def split_words(text: str) -> tuple[str, ...]:
    """Split a list as Postfix does: at commas and white space that no brace holds together."""
    words, word, depth = [], "", 0
    for char in text:
        if char in SEPARATORS and not depth:
            words.append(word)
            word = ""
            continue
        depth += (char == "{") - (char == "}")
        word += char
    return tuple(item for item in (*words, word) if item)


def _values_of(
    main: Mapping[str, str], master: Mapping[str, str], service: str
) -> Mapping[str, str]:
    prefix = f"{service}/"
    own = {k.removeprefix(prefix): value for k, value in master.items() if k.startswith(prefix)}
    return {**main, **own}


def _service_on(machine: Machine, config: Path, port: int) -> str | None:
    for line in _postconf(machine, config, "-M").splitlines():
        words = line.split()
        if len(words) < _HEAD or words[1] != "inet" or words[_HEAD - 1] != "smtpd":
            continue
        if words[0].rpartition(":")[2] in (str(port), _name_of(port)):
            return words[0]
    return None


def _name_of(port: int) -> str:
    return {25: "smtp", 465: "submissions", 587: "submission"}.get(port, "")


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip(), value.strip()


def _postconf(machine: Machine, config: Path, option: str) -> str:
    done = machine.run(("postconf", "-c", str(config), option))
    if done.status:
        raise MachineError(done.output, where=f"postconf -c {config} {option}")
    return done.stdout
