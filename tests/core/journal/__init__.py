"""Tests of the journal, recovery and confirmation."""
