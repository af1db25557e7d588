"""The input port for AMQP: what happens to a message on its way to a use case, and back."""
