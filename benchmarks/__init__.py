"""What `make bench` measures, each beside its limit measured in the same run."""
