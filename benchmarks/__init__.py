"""How fast the log is, against two yardsticks and a peer on the same work. Fails no build."""
