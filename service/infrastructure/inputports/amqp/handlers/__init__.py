"""Handlers: from the wire to a command or query, and back."""
