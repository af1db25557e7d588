"""Makes the virtual environment, see `tools/bootstrap.sh`. Standard library only: nothing else is there yet."""
