"""Faults at every point: kill, error, full disk, torn write, power loss."""
