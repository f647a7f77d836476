"""Greet everybody who logs in: motd(5)."""

from mailstead.plugin import Module, Template, field, form, types


@form(title="Message of the day")
class Message:
    """What people read when they log in."""

    greeting: types.Text = field(default="Welcome", help="first line of the message")
    contacts: tuple[types.MailAddress, ...] = field(default=(), help="whom to ask for help")


module = Module(sections=[Message], files=[Template("/etc/motd", "motd.j2")])
