"""The input port: FastStream subscribers that turn requests into use cases, and answers into replies."""
