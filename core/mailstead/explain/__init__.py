"""What is behind a line of a file: found by rendering again with one thing set otherwise."""
