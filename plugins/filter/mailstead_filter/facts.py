"""What rendering needs to know of the machine."""

from __future__ import annotations

from mailstead.plugin import Machine, Path

REDIS, CLAMAV = "redis-server", "clamav-daemon"
SIGNATURES = Path("/var/lib/clamav")
# Of the files that clamd(8) loads those that know viruses: freshclam's, and one's own.
KNOWING = (".cld", ".cvd", ".cud", ".hdb", ".hsb", ".ldb", ".mdb", ".msb", ".ndb", ".yar", ".yara")
KNOWING_NONE = "bytecode."


def redis_version(machine: Machine) -> str | None:
    """Give Redis's version; ``None`` where it is not installed."""
    return machine.package_versions((REDIS,)).get(REDIS)


def has_signatures(machine: Machine) -> bool | None:
    """Tell whether there are signatures of viruses; ``None`` before ClamAV is installed."""
    if CLAMAV not in machine.package_versions((CLAMAV,)):
        return None
    names = machine.list_directory(SIGNATURES)
    return any(name.endswith(KNOWING) and not name.startswith(KNOWING_NONE) for name in names)
