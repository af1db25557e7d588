"""Makes the virtual environment, for `tools/bootstrap.sh`. Nothing but the standard library is there yet."""
