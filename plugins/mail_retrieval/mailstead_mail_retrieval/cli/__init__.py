"""The commands of mail_retrieval, one file for each group."""
