"""Clients with many calls in flight on one connection. Each is its own load; `responder` answers."""
