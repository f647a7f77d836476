"""The commands of mail_smtp, one file for each group."""
