"""Settings to Postfix's files, how Postfix is controlled, and what proves that it serves."""
