"""What the service can be asked to do. Standard library and the domain only."""
