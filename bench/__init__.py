"""Benchmarks of Mailstead; run with script/bench."""
