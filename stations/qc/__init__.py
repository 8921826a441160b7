"""QC: what a machine made is read back, compared with the order and inspected by a person."""
