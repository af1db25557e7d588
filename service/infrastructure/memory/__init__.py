"""What stands in for Redis in a single worker, or while Redis is away."""
