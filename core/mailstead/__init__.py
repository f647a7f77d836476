"""Mailstead: a framework of modules that administer a server by true transactions."""

__version__ = "0.1.0"
