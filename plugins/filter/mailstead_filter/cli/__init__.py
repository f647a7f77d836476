"""The commands of the filter."""
