"""Tests of what is behind a line."""
