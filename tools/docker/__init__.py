"""`make test-docker`: demo, image and compose on a Docker engine of our own, with stand-in images."""
