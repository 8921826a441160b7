"""Who held what, when: the append-only custody record, its questions and checks."""
