"""The filter's daemons: how they are controlled, and what proves that they serve.

Without systemd start-stop-daemon(8) of dpkg ends them: it looks whose process it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailstead.plugin import Check, Context, Conversation, Daemon, Native, Probe, Say
from mailstead_filter import places
from mailstead_filter.render import database
from mailstead_filter.settings import Options
from mailstead_filter.use import is_in_use, uses_clamd, uses_redis

END = "start-stop-daemon"
RSPAMD_PID, CLAMD_PID = f"{places.RUN}/rspamd.pid", "/run/clamav/clamd.pid"
NAMES = tuple(f"{folder}/{places.NAMES}" for folder in (places.SIGNATURES, places.TEST_SIGNATURES))
KNOWS_NONE = "Known viruses: 0"  # such as a folder of signatures that are to be ignored
REDIS_PID = f"{places.REDIS_RUN}/redis.pid"


def daemons() -> tuple[Daemon, ...]:
    """Give them in the order they are started."""
    return (_redis(), _clamd(), _rspamd())


def checks(context: Context) -> Iterator[Check]:
    """Give the checks of the staged files: rspamadm(1), clamconf(1), clamscan(1)."""
    if not is_in_use(context):
        return
    words = ("rspamadm", "configtest", "-q", "-c", f"{{staged:{places.RSPAMD_CONF}}}")
    yield Check("rspamadm reads rspamd.conf", words, timeout=60.0)
    own = context.settings.form(Options).signatures
    if own and uses_clamd(context):
        # With the slash a file is none: clamscan would take one, clamd takes folders only.
        scan = ("clamscan", f"--database={database(context)}/", f"{{staged:{places.CLAMD_CONF}}}")
        title = f"clamscan reads signatures of viruses in {own} (filter.options.signatures)"
        yield Check(title, scan, refuse_output=(KNOWS_NONE,), timeout=120.0)


def _rspamd() -> Daemon:
    return Daemon(
        "rspamd",
        unit="rspamd",
        native=Native(
            start=("rspamd", "-c", f"{{{places.RSPAMD_CONF}}}", "-u", "_rspamd", "-g", "_rspamd"),
            stop=_signal(RSPAMD_PID, "TERM", "rspamd"),
            reload=_signal(RSPAMD_PID, "HUP", "rspamd"),
            pid_file=RSPAMD_PID,
        ),
        reads=(places.RSPAMD_CONF, places.POLICY, f"{places.UNITS}/rspamd.service.d/"),
        on_change="restart",
        probes=_rspamd_probes,
        runs_when=is_in_use,
    )


def _clamd() -> Daemon:
    return Daemon(
        "clamd",
        unit="clamav-daemon",
        native=Native(
            start=("clamd", f"--config-file={{{places.CLAMD_CONF}}}"),
            stop=_signal(CLAMD_PID, "TERM", "clamd"),
            reload=_signal(CLAMD_PID, "USR2", "clamd"),
            pid_file=CLAMD_PID,
        ),
        reads=(places.CLAMD_CONF, f"{places.UNITS}/clamav-daemon.service.d/", *NAMES),
        on_change="reload",
        restart_when=_why_restart,
        probes=_clamd_probes,
        runs_when=uses_clamd,
    )


def _why_restart(changes: Mapping[str, tuple[bytes | None, bytes | None]]) -> str:
    """Names are read anew while clamd goes on; to start anew may take it a minute."""
    return next((f"{path} changed" for path in changes if path not in NAMES), "")


def _redis() -> Daemon:
    conf = f"{{{places.REDIS_CONF}}}"
    begin = (
        END, "--start", "--quiet", "--background", "--pidfile", f"{{{REDIS_PID}}}",
        "--chuid", places.RSPAMD_USER, "--exec", "/usr/bin/redis-server", "--", conf,
    )  # fmt: skip
    return Daemon(
        "redis-server",
        unit="mailstead-redis",
        native=Native(
            start=begin,
            stop=_signal(REDIS_PID, "TERM", "redis-server"),
            reload=_signal(REDIS_PID, "HUP", "redis-server"),
            pid_file=REDIS_PID,
        ),
        reads=(places.REDIS_CONF, f"{places.UNITS}/mailstead-redis.service"),
        on_change="restart",
        probes=_redis_probes,
        runs_when=uses_redis,
    )


def _signal(pid_file: str, name: str, program: str) -> tuple[str, ...]:
    return (END, "--stop", "--quiet", "--oknodo", "--signal", name, "--pidfile",
            f"{{{pid_file}}}", "--name", program)  # fmt: skip


def _rspamd_probes(context: Context) -> Iterator[Probe]:
    # The workers come up together; what Postfix speaks with it is no dialogue of lines.
    ping = (Say("GET /ping HTTP/1.0\r\n", "HTTP/1."),)
    yield _probe(context, "Rspamd answers", places.CONTROLLER, ping)


def _clamd_probes(context: Context) -> Iterator[Probe]:
    yield _probe(context, "clamd answers", places.CLAMD, (Say("nPING", "PONG"),))


def _redis_probes(context: Context) -> Iterator[Probe]:
    yield _probe(context, "Redis answers", places.REDIS, (Say("PING", "+PONG"),))


def _probe(context: Context, title: str, path: str, turns: tuple[Say, ...]) -> Probe:
    return Probe(title, Conversation(socket=str(context.path(path)), turns=turns))
