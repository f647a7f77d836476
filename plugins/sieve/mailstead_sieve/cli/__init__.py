"""The commands of sieve, one file for each group."""
