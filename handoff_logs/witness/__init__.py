"""A witness (C2SP tlog-witness): a process under other administration that lets a log only grow, and its client.

It takes nothing from the rest of the handoff log but how checkpoints and proofs are written.
"""
