"""Tests of hand edits."""
