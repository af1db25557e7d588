"""`make demo`: servers, a worker, and a gateway that tries everything once and hears the events."""
