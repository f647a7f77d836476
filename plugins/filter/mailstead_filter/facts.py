"""What rendering needs to know of the machine."""

from __future__ import annotations

from mailstead.plugin import Machine, Path

REDIS, CLAMAV = "redis-server", "clamav-daemon"
SIGNATURES = Path("/var/lib/clamav")
OFFICIAL = ("daily.cld", "daily.cvd", "main.cld", "main.cvd")


def redis_version(machine: Machine) -> str | None:
    """Give Redis's version; ``None`` where it is not installed."""
    return machine.package_versions((REDIS,)).get(REDIS)


def has_signatures(machine: Machine) -> bool | None:
    """Tell whether freshclam has brought signatures; ``None`` before ClamAV is installed."""
    if CLAMAV not in machine.package_versions((CLAMAV,)):
        return None
    return any(machine.stat_file(SIGNATURES / name) is not None for name in OFFICIAL)
