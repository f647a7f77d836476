"""What became of each message: the daemons' logs as a table, as they are written."""

from __future__ import annotations

from mailstead.plugin import Backup, Context, Fact, Folder, Machine, Module, Template, resident
from mailstead_mail_log.places import DATABASE, FOLDER, UNIT
from mailstead_mail_log.render import has_rsyslog, rotation, unit, unit_variables
from mailstead_mail_log.settings import Options


def prepare(context: Context, machine: Machine) -> None:
    """Make the database where it is missing."""
    from mailstead_mail_log.store import LogStore

    LogStore.make(context, machine)


module = Module(
    sections=(Options,),
    files=(
        Template(UNIT, unit, variables=unit_variables, drop_in=True),
        Template("/etc/logrotate.d/mailstead", "logrotate.j2", variables=rotation),
    ),
    folders=(
        Folder(FOLDER, mode=0o700),
        Folder("/run/mailstead"),
        Folder("/etc/logrotate.d"),
        Folder("/etc/systemd/system"),
    ),
    facts=(Fact("has_rsyslog", has_rsyslog),),
    daemons=(resident("mail-log", "log", "follow", reads=(UNIT,)),),
    prepare=prepare,
    backups=(Backup(DATABASE, "sqlite", counts=("entries",)),),
)
