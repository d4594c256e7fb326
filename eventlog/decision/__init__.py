"""What a face rule decides, and what it would have decided: pure."""
