"""The register of alarms: what a person must look at, whose it is, who has taken it, who is told next and when."""
