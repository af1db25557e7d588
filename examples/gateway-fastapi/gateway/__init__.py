"""A gateway: HTTP on one side, the profile service on the other."""
