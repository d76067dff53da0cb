"""One policy in every dialect: whatever aerleon writes it for, the same must be let through."""
