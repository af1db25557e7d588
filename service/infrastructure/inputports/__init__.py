"""The input port: how requests come in."""
