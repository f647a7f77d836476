"""The only door to the outside: files, commands, packages, services, clock."""
