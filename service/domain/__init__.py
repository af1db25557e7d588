"""What profiles are and what may be done with them. Standard library only."""
