"""Lines of access lists that no packet reaches, beside the answer of a reader and an engine of other make."""
