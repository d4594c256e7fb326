"""August and Yale: their locks and doorbells, by the log and by pushes."""
