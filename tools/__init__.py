"""Local servers, a worker on them, and the demo."""
