"""The profile service: a worker that answers requests from RabbitMQ queues."""
