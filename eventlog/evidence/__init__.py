"""Evidence: the journal's Merkle tree, signed heads, proofs of single records, and witnesses.

The core does not need this room: a log without keys is never signed, and nothing here runs then.
"""
