"""The journal of saves, and all that undoes by it: recovery, confirmation, the watch."""
