"""What waits in Postfix's queue: postqueue(1), postsuper(1), postcat(1)."""
