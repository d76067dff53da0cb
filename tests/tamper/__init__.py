"""Tampering, done for real: with the log's tables as somebody does who has the database, and with governed rows."""
