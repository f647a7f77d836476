"""Rules as people make them, and the Sieve script they become."""
