"""Damaged, hostile and senseless input for everything that reads what a machine or a person wrote."""
