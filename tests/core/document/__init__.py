"""Tests of settings as one file."""
