"""What stands on the broker, and how the service writes to it."""
